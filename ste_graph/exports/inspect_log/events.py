"""The events of a sample: one span for each step, in it what the step asked of models and tools, and what it gave."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from itertools import count
from typing import Final, Literal

from inspect_ai.event import Event, InfoEvent, ModelEvent, ScoreEvent, SpanBeginEvent, SpanEndEvent, ToolEvent
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    ModelOutput,
    ModelUsage,
    StopReason,
)
from inspect_ai.scorer import Score

from ste_graph.contracts import Json
from ste_graph.exports.inspect_log.dialogue import Dialogue, tool_error
from ste_graph.grouping import group
from ste_graph.ids import derive_id
from ste_graph.report.steps import split_key
from ste_graph.run.logs.logged_step import LoggedStep

_STOP_REASONS: Final[Mapping[str, StopReason]] = {
    "stop": "stop",
    "length": "max_tokens",
    "max_tokens": "max_tokens",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}
_TOOL_CHOICE: Final[Literal["auto"]] = "auto"


UNRECORDED: Final = "(Not recorded, as this node has no transcript. What it made of the reply is below.)"


def make_events(steps: Sequence[LoggedStep], dialogue: Dialogue, labels: Mapping[str, str], tools: str) -> list[Event]:
    """The events of steps, which `dialogue` is given one by one.

    `labels` are those of the models by their names in the workflow; `tools` is the tool of a call without a name.
    """
    events: list[Event] = []
    for step in steps:
        before = list(dialogue.messages)
        label = next(
            (labels.get(str(each["model"]), str(each["model"])) for each in step.asked if "model" in each), None
        )
        dialogue.add_step(step, label)
        events += _step_events(step, before, dialogue, labels, tools)
    return events


def score_events(scores: Mapping[str, Score], record: str, at: datetime) -> list[Event]:
    """The scores of the record of this id as events, at the end of a sample."""
    return [
        ScoreEvent(
            uuid=derive_id(record, "score", name),
            score=score,
            scorer=name,
            timestamp=at,
            working_start=0,
        )
        for name, score in scores.items()
    ]


def _step_events(
    step: LoggedStep, before: Sequence[ChatMessage], dialogue: Dialogue, labels: Mapping[str, str], tool: str
) -> Iterator[Event]:
    span, start, end = (
        derive_id(dialogue.record, "step", step.key),
        datetime.fromisoformat(step.started),
        datetime.fromisoformat(step.ended),
    )
    vertex, counters = split_key(step.key)
    place = ", ".join(f"{loop} {number}" for loop, number in counters.items() if number != "-")
    name = f"{vertex} ({place})" if place else vertex
    common = {"span_id": span, "working_start": 0.0}
    ids = (derive_id(span, number) for number in count())
    yield SpanBeginEvent(uuid=next(ids), id=span, name=name, type="node", timestamp=start, **common)
    new = dialogue.messages[len(before) :]
    replies = iter([message for message in new if isinstance(message, ChatMessageAssistant)])
    call = 0
    for asked in step.asked:
        at = start + timedelta(seconds=float(asked.get("after", 0)))
        seconds = float(asked.get("s", 0))
        times = {"timestamp": at, "completed": at + timedelta(seconds=seconds), "working_time": seconds}
        own = {"uuid": next(ids), **common, **times}
        if "model" in asked:
            reply = next(replies, None)
            read = [*before, *new[: new.index(reply)]] if reply is not None else []
            yield _model_event(asked, labels, read, reply, own)
        else:
            yield _tool_event(asked, step, dialogue, tool, call, own)
            call += 1
    if step.outputs and not _is_shown(step):
        yield InfoEvent(uuid=next(ids), source=vertex, data=step.outputs, timestamp=end, **common)
    yield SpanEndEvent(uuid=next(ids), id=span, timestamp=end, **common)


def _is_shown(step: LoggedStep) -> bool:
    """True if messages and results say all that a step gave: nothing of its reply was repaired or could not be read."""
    return bool(step.messages or step.calls) and not (step.outputs.get("repairs") or step.outputs.get("problem"))


def _model_event(
    asked: Mapping[str, Json],
    labels: Mapping[str, str],
    read: list[ChatMessage],
    reply: ChatMessageAssistant | None,
    common: Mapping[str, Json],
) -> ModelEvent:
    name = str(asked["model"])
    label = labels.get(name, name)
    message = reply or ChatMessageAssistant(
        content=UNRECORDED, id=derive_id(common["span_id"], "reply", common["timestamp"])
    )
    finish = _STOP_REASONS.get(str(asked.get("finish")), "unknown" if asked.get("finish") else "stop")
    return ModelEvent(
        model=label,
        role=name,
        requested_model=labels.get(str(asked["for"]), str(asked["for"])) if "for" in asked else None,
        input=read,
        tools=[],
        tool_choice=_TOOL_CHOICE,
        config=GenerateConfig(),
        output=ModelOutput(
            model=label,
            choices=[ChatCompletionChoice(message=message, stop_reason=finish)],
            usage=usage_of(asked),
            time=common["working_time"],
        ),
        retries=asked.get("retries"),
        **common,
    )


def _tool_event(
    asked: Mapping[str, Json], step: LoggedStep, dialogue: Dialogue, tool: str, number: int, common: Mapping[str, Json]
) -> ToolEvent:
    call = next(
        (
            each
            for message in reversed(dialogue.messages)
            if isinstance(message, ChatMessageAssistant)
            for each in message.tool_calls or ()
            if each.function == asked["tool"]
        ),
        None,
    )
    seen = step.outputs.get("observation")
    result = seen if isinstance(seen, Mapping) and number == 0 else {"ok": asked.get("kind") == "ok", **asked}
    return ToolEvent(
        id=call.id if call else derive_id(dialogue.record, step.key, number),
        function=str(asked.get("tool") or tool),
        arguments=call.arguments if call else {},
        result=str(result.get("text", "")),
        error=None if result.get("ok", True) else tool_error(result),
        failed=None if result.get("ok", True) else True,
        **common,
    )


def usage_of(asked: Mapping[str, Json]) -> ModelUsage:
    """The tokens of a reply."""
    given, taken = int(asked.get("in", 0)), int(asked.get("out", 0))
    cached = int(asked["cached"]) if asked.get("cached") else None
    return ModelUsage(
        input_tokens=given, output_tokens=taken, total_tokens=given + taken, input_tokens_cache_read=cached
    )


def sum_usage(counted: Iterable[tuple[str, ModelUsage]]) -> dict[str, ModelUsage]:
    """The tokens of each model, by its label."""
    return {label: reduce(operator.add, own) for label, own in group(counted).items()}
