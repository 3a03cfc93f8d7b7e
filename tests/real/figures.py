"""The figures of `make real`, read from the journals of its stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ste_graph as ste
from ste_graph.json_values import canonical_json
from ste_graph.stats import mcnemar_mid_p

BASELINE = "baseline"


@dataclass(frozen=True)
class Row:
    """A line of the table: `count` of `of`, and a remark."""

    what: str
    count: int
    of: int
    remark: str = ""

    @property
    def share(self) -> float | None:
        """The share in percent; None of nothing."""
        return 100 * self.count / self.of if self.of else None

    def to_json(self) -> dict[str, Any]:
        return {"what": self.what, "count": self.count, "of": self.of, "share": self.share, "remark": self.remark}

    def text(self) -> str:
        """The line, with Wilson's 95 % interval."""
        if self.share is None:
            return f"| {self.what} | none | {self.remark} |"
        from scipy.stats import binomtest

        limits = binomtest(self.count, self.of).proportion_ci(method="wilson")
        interval = f"{100 * limits.low:.0f}-{100 * limits.high:.0f}"
        return f"| {self.what} | {self.share:.1f} % ({interval}), {self.count} of {self.of} | {self.remark} |"


def explore_rows(run: Path, trials_per_tool: int) -> list[Row]:
    """The results of an exploration; trials that a failed unit never made count as trials without a call."""
    opened = ste.open_run(run)
    trials = opened.trials()
    planned = trials_per_tool * len(opened.lock["units"])
    missing = f"{planned - len(trials)} trials were not made" if planned > len(trials) else ""
    made = sum(trial.call_succeeded for trial in trials)
    doubtful = sum(bool(trial.solved) and not trial.call_succeeded for trial in trials)
    verdicts = f"{doubtful} were called solved without one" if doubtful else ""
    rows = [Row("trials with a call that succeeded", made, planned, "; ".join(filter(None, (missing, verdicts))))]
    kinds = {False: "replies that could not be read, nothing forced", True: "forced JSON that could not be read"}
    for forced, what in kinds.items():
        own = [trial for trial in trials if any(step.form == "json" for step in trial.steps) is forced]
        steps = [step for trial in own for step in trial.steps]
        if own:
            answers = sum(trial.answer is not None for trial in own)
            rows.append(Row(what, sum(step.action is None for step in steps), len(steps) + answers))
    return rows


def distil_rows(run: Path, explored: Path) -> list[Row]:
    """The trials of an exploration that the gates format, execution and grounding kept, and their distinct calls."""
    trials = {trial.id: trial for trial in ste.open_run(explored).trials()}
    kept = {line["trial_id"] for line in ste.open_run(run).records() if line["record"] == "candidate"}
    calls = {
        canonical_json([trial.tool, last.action, last.arguments])
        for trial in (trials[str(id)] for id in kept)
        for last in [next(step for step in reversed(trial.steps) if step.action is not None)]
    }
    return [
        Row("of all trials, kept by format, execution and grounding", len(kept), len(trials)),
        Row("distinct calls among the kept", len(calls), len(kept)),
    ]


def judge_rows(run: Path) -> list[Row]:
    """The agreement of the judge with the rules: what it kept of what they kept, among the trials it was asked of."""
    records = list(ste.open_run(run).records())
    candidates = sum(line["record"] == "candidate" for line in records)
    refused = sum(line["record"] == "rejected" and line["gate"] == "judge" for line in records)
    return [Row("of those, kept by the judge (the same model) too", candidates, candidates + refused)]


def arm_rows(run: Path, label: str) -> list[Row]:
    """The number of requests that each arm got exactly right, with the decision on its difference from the baseline."""
    arms: dict[str, dict[tuple[str, str], Mapping[str, Any]]] = {}
    for line in ste.open_run(run).records():
        if line["record"] == "reply":
            own = arms.setdefault(str(line["arm"]), {})
            own[str(line["gold"]), str(line["query"])] = line  # type: ignore[index]
    arms = dict(sorted(arms.items(), key=lambda arm: arm[0] not in (BASELINE, "before")))  # each case mixes their order
    first = arms.get(BASELINE) or arms.get("before") or {}
    rows = []
    for name, replies in arms.items():
        remark = "" if replies is first else compare(first, replies)
        rows.append(Row(f"{label}, {name}: exact", sum(map(is_exact, replies.values())), len(replies), remark))
    return [*rows, _unreadable(label, [line for replies in arms.values() for line in replies.values()])]


def _unreadable(label: str, lines: list[Mapping[str, Any]]) -> Row:
    return Row(f"{label}: replies that could not be read", sum(bool(line["err"]) for line in lines), len(lines))


def is_exact(line: Mapping[str, Any]) -> bool:
    """True if a reply calls the right tool with the right arguments."""
    return bool(line["api_match"] and line["args_correct"])


def compare(first: Mapping[Any, Mapping[str, Any]], second: Mapping[Any, Mapping[str, Any]]) -> str:
    """The difference of an arm from the first over the cases of both, and McNemar's mid-p."""
    pairs = list(_pairs(first, second))
    won = sum(not before and after for before, after in pairs)
    lost = sum(before and not after for before, after in pairs)
    if not pairs:
        return "no case in common"
    p = mcnemar_mid_p(won, lost)
    verdict = "no difference shown" if p >= 0.05 else "better" if won > lost else "worse"
    points = 100 * (won - lost) / len(pairs)
    return f"{points:+.0f} points, {won} won, {lost} lost, mid-p {p:.3g}: {verdict} (these requests)"


def _pairs(
    first: Mapping[Any, Mapping[str, Any]], second: Mapping[Any, Mapping[str, Any]]
) -> Iterator[tuple[bool, bool]]:
    for case, line in first.items():
        if case in second:
            yield is_exact(line), is_exact(second[case])


def continual_rows(run: Path) -> list[Row]:
    """The knowledge of each arm of continual learning at its end, as the last round's table says."""
    last = {str(line["label"]): line for line in ste.open_run(run).records() if line["record"] == "round"}
    return [Row(f"continual, {label}", 0, 0, " ".join(str(line["table"]).split())) for label, line in last.items()]


def evaluation_text(run: Path) -> str:
    """The product's own table of the arms, with its decision."""
    (evaluation,) = (line for line in ste.open_run(run).records() if line["record"] == "evaluation")
    return str(evaluation["table"])


def render_table(rows: Iterable[Row]) -> str:
    """The table in Markdown."""
    return "\n".join(["| what | share (95 % of Wilson) | remark |", "|---|---|---|", *(row.text() for row in rows)])
