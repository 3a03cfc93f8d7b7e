"""The scores of a sample: verdict, facts and gates of a trial; the label of a reply. `C` right, `I` wrong, `N` open."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from inspect_ai.log import EvalMetric, EvalSample, EvalScore
from inspect_ai.scorer import CORRECT, INCORRECT, NOANSWER, Score

from ste_graph.contracts import Json
from ste_graph.exports.parts import ExportRecord
from ste_graph.grouping import group
from ste_graph.report.entries import KEPT
from ste_graph.report.evidence import is_right

_VALUES: Final = {True: CORRECT, False: INCORRECT, None: NOANSWER}


def score_record(record: ExportRecord) -> dict[str, Score]:
    """The scores of a trial or a reply, by name."""
    return dict(_reply_scores(record) if record.line["record"] == "reply" else _trial_scores(record))


def target_of(line: Mapping[str, Json]) -> str:
    """The call that is right in a case of a test; empty for a trial, whose right answer nobody knows."""
    gold = line.get("gold")
    if not gold:
        return ""
    if line.get("kind", "call") != "call":
        return f"no call (`{line['kind']}`)"
    return _call_text(gold["tool"], gold.get("arguments"))


def summarise_scores(samples: Sequence[EvalSample]) -> list[EvalScore]:
    """The share of each score that is right among those decided, over all samples and for each arm of a test."""
    named = group(
        (name, (str(sample.metadata.get("arm") or ""), str(score.value)))
        for sample in samples
        for name, score in (sample.scores or {}).items()
    )
    return [_summarise(name, values) for name, values in named.items()]


def _summarise(name: str, values: Sequence[tuple[str, str]]) -> EvalScore:
    decided = [(arm, value == CORRECT) for arm, value in values if value in (CORRECT, INCORRECT)]
    metrics = {"accuracy": _share("accuracy", [right for _, right in decided])} if decided else {}
    for arm in dict.fromkeys(arm for arm, _ in decided if arm):
        metrics[arm] = _share(arm, [right for own, right in decided if own == arm])
    return EvalScore(
        name=name,
        scorer=name,
        scored_samples=len(decided),
        unscored_samples=len(values) - len(decided),
        metrics=metrics,
    )


def _share(name: str, right: Sequence[bool]) -> EvalMetric:
    return EvalMetric(name=name, value=sum(right) / len(right))


def _trial_scores(record: ExportRecord) -> Iterator[tuple[str, Score]]:
    line, facts = record.line, record.facts
    if "solved" in line:
        yield (
            "solved",
            Score(value=_VALUES[line["solved"]], answer=line.get("answer"), explanation="The model's verdict."),
        )
    succeeded = facts.call_succeeded if facts else line.get("call_succeeded")
    if succeeded is not None:
        yield "call_succeeded", Score(value=_VALUES[succeeded], explanation=facts.text if facts else None)
    if facts is not None:
        yield "grounded", Score(value=_VALUES[facts.grounded], explanation=facts.text)
    if record.fate is not None:
        gate, reason = record.fate
        yield "gates", Score(value=_VALUES[gate == KEPT], answer=gate, explanation=reason or None)


def _reply_scores(record: ExportRecord) -> Iterator[tuple[str, Score]]:
    line = record.line
    called = _call_text(line["called"], line.get("arguments")) if line.get("called") else "no call"
    repairs = f"repaired: {', '.join(line['repairs'])}" if line.get("repairs") else ""
    why = "; ".join(filter(None, [str(line.get("problem") or ""), repairs])) or None
    right, by = (is_right(line), why) if record.verdict is None else (record.verdict, "The judge's verdict.")
    yield "correct", Score(value=_VALUES[right], answer=called, explanation=by)
    yield "wellformed", Score(value=_VALUES[not line.get("err")], explanation=why)
    if line.get("api_match") is not None:
        yield "right_tool", Score(value=_VALUES[bool(line["api_match"])], answer=str(line.get("called")))


def _call_text(name: Json, arguments: Json) -> str:
    return f"{name} {json.dumps(arguments or {}, ensure_ascii=False)}"
