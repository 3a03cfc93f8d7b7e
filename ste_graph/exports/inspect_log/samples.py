"""The samples of a log: one for each trial, for each reply to a case of a test, and for each unit that failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from inspect_ai.log import EvalError, EvalSample
from inspect_ai.model import ChatCompletionChoice, ModelOutput, ModelUsage

from ste_graph.contracts import Json
from ste_graph.exports.inspect_log.dialogue import Dialogue
from ste_graph.exports.inspect_log.events import make_events, score_events, sum_usage, usage_of
from ste_graph.exports.inspect_log.scores import score_record, target_of
from ste_graph.exports.parts import ExportPart, ExportRecord, FailedUnit
from ste_graph.run.logs.logged_step import LoggedStep

_OWN = frozenset({"id", "record", "steps", "query", "answer", "output", "gold", "started", "ended", "cost"})
"""The fields of a record that are elsewhere in a sample than in its metadata."""


def make_samples(part: ExportPart, records: Sequence[ExportRecord]) -> list[EvalSample]:
    """The samples of a part of a run; their ids are unique together with the epoch, which is the reply's number."""
    labels = part.run.labels
    cases: dict[tuple[str, str], int] = {}
    samples = [_record_sample(part, record, labels, cases) for record in records]
    return [*samples, *(_failed_sample(failed, labels) for failed in part.failures())]


def _record_sample(
    part: ExportPart, record: ExportRecord, labels: Mapping[str, str], cases: dict[tuple[str, str], int]
) -> EvalSample:
    line = record.line
    dialogue = Dialogue(str(line["id"]))
    label = str(line["model"]) if line.get("model") else None
    events = make_events(record.steps, dialogue, labels, record.unit)
    recorded = bool(dialogue.messages)
    if line["record"] == "reply":
        dialogue.messages.clear()
        dialogue.add_reply(line, label)
    elif not recorded:
        dialogue.add_turns(line, label)
    dialogue.finish()
    scores = score_record(record)
    ended = datetime.fromisoformat(str(line["ended"]))
    choice = [ChatCompletionChoice(message=dialogue.last_reply, stop_reason="stop")] if dialogue.last_reply else []
    return EvalSample(
        id=_sample_id(record, cases),
        epoch=1 + int(line.get("n") or 0),
        input=str(line["query"]),
        target=target_of(line),
        messages=dialogue.messages,
        output=ModelOutput(model=label or "", choices=choice),
        scores=scores,
        metadata=_metadata(part, record, recorded=recorded),
        events=[*events, *score_events(scores, str(line["id"]), ended)],
        model_usage=_usage(record.steps, labels),
        started_at=str(line["started"]),
        completed_at=str(line["ended"]),
        total_time=(ended - datetime.fromisoformat(str(line["started"]))).total_seconds(),
        uuid=str(line["id"]),
    )


def _failed_sample(failed: FailedUnit, labels: Mapping[str, str]) -> EvalSample:
    """A unit that failed, with what it did after its last record."""
    dialogue = Dialogue(f"failed {failed.unit}")
    events = make_events(failed.steps, dialogue, labels, failed.unit)
    return EvalSample(
        id=f"{failed.unit} (failed)",
        epoch=1,
        input=f"The unit `{failed.unit}` was not finished.",
        target="",
        messages=dialogue.messages,
        metadata={"unit": failed.unit},
        events=events,
        model_usage=_usage(failed.steps, labels),
        error=EvalError(message=failed.why, traceback=failed.why, traceback_ansi=failed.why),
    )


def _sample_id(record: ExportRecord, cases: dict[tuple[str, str], int]) -> str:
    """The place of a record in the run: `add_days/episode-0/trial-3`; of a reply: `add_days/case-3/baseline`."""
    line = record.line
    if line["record"] == "reply":
        tool = str((line.get("gold") or {}).get("tool") or record.unit)
        case = cases.setdefault((tool, str(line["query"])), sum(known == tool for known, _ in cases))
        return f"{tool}/case-{case}/{line['arm']}"
    counters = [f"{name}-{value}" for name, value in _counters(line).items()]
    return "/".join([record.unit, *(counters or [str(line["id"])])])


def _counters(line: Mapping[str, Json]) -> dict[str, int]:
    """The counters of the loops around a record: they are between its unit and its own fields."""
    names = list(line)
    first = names.index("record") + 2
    last = names.index("query")
    return {name: line[name] for name in names[first:last] if type(line[name]) is int}


def _metadata(part: ExportPart, record: ExportRecord, *, recorded: bool) -> dict[str, Json]:
    line = record.line
    own = {name: value for name, value in line.items() if name not in _OWN and value not in (None, [], {})}
    tool = str((line.get("gold") or {}).get("tool") or record.unit)
    known: Mapping[str, Json] = part.lock.get("schemas", {})
    about = part.lock.get("descriptions", {}).get(tool)
    return {
        "unit": record.unit,
        **own,
        **({"cost": line["cost"]} if line.get("cost") else {}),
        **({"tool_definition": {"description": about, "parameters": known[tool]}} if tool in known else {}),
        "messages": (
            "As the transcript kept them; the parts of a prompt that are shown once, and what the transcript held "
            "before, were sent too and are not recorded."
            if recorded and line["record"] != "reply"
            else "Made from the record: the prompt of this run was not recorded."
        ),
    }


def _usage(steps: Sequence[LoggedStep], labels: Mapping[str, str]) -> dict[str, ModelUsage]:
    asked = [each for step in steps for each in step.asked if "model" in each]
    return sum_usage((labels.get(str(each["model"]), str(each["model"])), usage_of(each)) for each in asked)
