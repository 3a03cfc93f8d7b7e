"""The gain of a pack, measured again: its cases are put to a model, with and without what it carries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ste_graph.contracts import Json
from ste_graph.errors import RunError
from ste_graph.experiment import load
from ste_graph.language.workflow import Workflow
from ste_graph.models.meter import Meter
from ste_graph.packs.outcome import Status
from ste_graph.packs.pack import Pack
from ste_graph.packs.runs import find_evaluation
from ste_graph.run.context import Watcher
from ste_graph.run.logs.step_log import StepLog
from ste_graph.scoring.evaluation import Evaluation
from ste_graph.stats import cases_needed
from ste_graph.text import count_noun

SETTINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "recall": ("k", "observations"), "lessons": ("k", "per_tool"),
}  # fmt: skip
"""The settings of the test, by node, that a repetition takes over."""

_SHOWN: Final = {"exemplars": "nearest"}
"""The values by which an arm turns on the forms that it shows, where they are not `true`."""


@dataclass(frozen=True, slots=True)
class GainCheck:
    """The present gain of a pack's content over the baseline."""

    status: Status
    text: str
    model: str | None
    evaluation: Evaluation
    restraint: tuple[Status, str] | None = None
    """Of the cases in which no call is right: whether they fare no worse; None without such cases."""


class _TestProgress(Watcher):
    """A watcher that tells of each tool whose cases have been put to the model."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._left: set[str] = set()
        self._count = 0

    def run_start(self, workflow: Workflow, logs: Mapping[str, StepLog], meter: Meter) -> None:
        self._count = len(logs)
        self._left = {unit for unit, log in logs.items() if not log.done}
        self._report(f"putting the cases of {count_noun(len(self._left), 'tool')} to the model, with and without")

    def unit_end(self, unit: str, log: StepLog) -> None:
        self._left.discard(unit)
        state = f"failed: {log.failure}" if log.failure is not None else "done" if log.done else "stopped"
        self._report(f"[{self._count - len(self._left)}/{self._count}] {unit}: {state}")


def measure_gain(
    pack: Pack,
    model: Mapping[str, Any],
    folder: Path,
    *,
    cases: int | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> GainCheck:
    """Measures the gain again, on the pack's cases, in runs below `folder`.

    Args:
        pack: The pack.
        model: Changes of `models.main` of the bundled workflow `icl`, by path.
        folder: The place of the two runs.
        cases: The most cases of a tool; None: all.
        report: Called with a line whenever the cases of a tool have been put to the model.

    Raises:
        WorkflowError: The model or the pack cannot be used.
        RunError: The runs could not go on.
    """
    tested = load("icl", set=plan_test(pack, model, cases)).run(folder / "icl", watcher=_TestProgress(report))
    if not tested.complete:
        failed = "; ".join(f"{unit}: {why}" for unit, why in tested.failed.items()) or tested.reason
        raise RunError(
            f"{folder / 'icl'}: the test is not complete ({failed}); with --out RUNS the same command goes on"
        )
    changes = {"data.replies.runs": [str(folder / "icl")], "data.replies.candidate": pack.manifest.arm}
    load("evaluate", set=changes).run(folder / "evaluate")
    return judge_gain(pack, find_evaluation(folder / "evaluate"))


def plan_test(pack: Pack, model: Mapping[str, Any], cases: int | None) -> dict[str, Any]:
    """The changes of the bundled workflow `icl` that put the cases of a pack to a model, by path."""
    place, settings = str(pack.path.resolve()), pack.evidence.get("settings") or {}
    shown = {form: _SHOWN.get(form, True) for form in pack.manifest.forms}
    changes: dict[str, Any] = {
        **model,
        "data.test.run": place,
        "params.arms": [{"name": pack.evidence.get("baseline", "baseline")}, {"name": pack.manifest.arm, **shown}],
        "memory.exemplars": {"use": "chroma", "from": place},
        "memory.experience": {"use": "chroma", "from": place},
        "data.guidelines.run": place if pack.guideline else None,
        "data.descriptions.run": place if pack.descriptions else None,
    }
    if "exemplars" not in pack.manifest.forms:
        changes["memory.exemplars"] = "off"
    if "lessons" not in pack.manifest.forms:
        changes["memory.experience"] = "off"
    for node, names in SETTINGS.items():
        own: Mapping[str, Json] = (settings.get("nodes") or {}).get(node) or {}
        changes |= {f"nodes.{node}.{name}": own[name] for name in names if name in own}
    if "room" in settings:
        changes["params.room"] = settings["room"]
    if cases is not None:
        changes["params.cases"] = cases
    return changes


def judge_gain(pack: Pack, evaluation: Evaluation) -> GainCheck:
    """The judgement of the gain, which still holds if the whole interval is above 0, as in the decision.

    If it does not hold, it is lost where the whole interval is below the pack's own, or as many cases would show the
    least gain that the pack claims; else these are too few to say.
    """
    status, text = _judge_right_calls(pack, evaluation)
    model = next(iter(evaluation.arms[pack.manifest.arm].get("models") or []), None)
    return GainCheck(status, text, model, evaluation, _judge_restraint(pack, evaluation))


def _judge_right_calls(pack: Pack, evaluation: Evaluation) -> tuple[Status, str]:
    arm = pack.manifest.arm
    gain, cases = evaluation.gains[arm], evaluation.arms[arm]["cases"]
    found, stated = gain["least"], (pack.evidence.get("interval") or {}).get("mean") or 0.0
    low, high = 100 * found["low"], 100 * found["high"]
    shown = f"{100 * found['mean']:+.1f} points (95 % {low:+.1f}..{high:+.1f}) on {count_noun(cases, 'case')}"
    if harmed := (evaluation.candidates.get(arm) or {}).get("harmed"):
        names = ", ".join(f"`{tool}`" for tool in harmed)
        return "lost", f"`{arm}` gains {shown}, and now harms {names}"
    if low > 0:
        return "holds", f"`{arm}` still gains {shown}"
    differing = (gain["won"] + gain["lost"]) / max(cases, 1)
    # What the pack found may itself have been lucky: what must show again is the least that it claims.
    claimed = (pack.evidence.get("interval") or {}).get("low") or stated
    needed = cases_needed(claimed, max(differing, abs(claimed)))
    text = f"`{arm}` gains {shown}, where the pack states {100 * stated:+.1f}"
    would_show = needed is not None and cases >= needed
    if high <= 0 or found["high"] < claimed or (found["mean"] < claimed and would_show):
        return "lost", text
    more = f"; some {needed} cases are needed to tell" if needed is not None and needed > cases else ""
    return "unknown", f"{text}, and these are too few cases to say{more}"


def _judge_restraint(pack: Pack, evaluation: Evaluation) -> tuple[Status, str] | None:
    """Lost if the whole interval is below 0, as in the decision."""
    found = (evaluation.candidates.get(pack.manifest.arm) or {}).get("restraint")
    if not found:
        return None
    change, low, high = (100 * found[key] for key in ("mean", "low", "high"))
    text = (
        f"where no call is right, {change:+.1f} points (95 % {low:+.1f}..{high:+.1f}) on "
        f"{count_noun(found['cases'], 'case')}"
    )
    if high < 0:
        return "lost", f"{text}: it calls more often than without the pack"
    return "holds", f"{text}: not shown to be worse"
