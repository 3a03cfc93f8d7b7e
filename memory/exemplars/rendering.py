"""Exemplars as prompts show them: text in the paper's protocol, or chat messages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Literal, TypeAlias

from ste_graph.contracts import Json, Message
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.records import TrialStep

Form: TypeAlias = Literal["react", "native"]
"""`react`: the paper's text protocol. `native`: tool calls as chat models make them."""

_LONG = 600
"""Characters of an observation or an answer that are shown."""

SEPARATOR = "\n\n"


def exemplars_text(exemplars: Iterable[Exemplar], *, observations: bool = True) -> str:
    """The exemplars one below the other, most lines being `Marker: value`; "" without exemplars."""
    return SEPARATOR.join(_block(exemplar, observations=observations) for exemplar in exemplars)


def as_messages(exemplars: Iterable[Exemplar], *, form: Form = "react", observations: bool = True) -> list[Message]:
    """The exemplars as turns of a chat, in OpenAI form."""
    messages: list[Message] = []
    for exemplar in exemplars:
        messages += _native(exemplar) if form == "native" else _react(exemplar, observations=observations)
    return messages


def _block(exemplar: Exemplar, *, observations: bool) -> str:
    lines = [f"User Query: {_line(exemplar.query)}"]
    for step in _visible_calls(exemplar, observations=observations):
        lines += _call(step)
        if observations and step.observation is not None:
            lines.append(f"Observation: {_line(step.observation.text, _LONG)}")
    if observations and exemplar.answer is not None:
        lines.append(f"Final Answer: {_line(exemplar.answer, _LONG)}")
    return "\n".join(lines)


def _call(step: TrialStep) -> list[str]:
    thought = [f"Thought: {_line(step.thought, _LONG)}"] if step.thought and step.thought.strip() else []
    return [*thought, f"Action: {step.action}", f"Action Input: {_json(step.arguments)}"]


def _react(exemplar: Exemplar, *, observations: bool) -> list[Message]:
    messages: list[Message] = [{"role": "user", "content": f"User Query: {_line(exemplar.query)}"}]
    for step in _visible_calls(exemplar, observations=observations):
        messages.append({"role": "assistant", "content": "\n".join(_call(step))})
        if observations and step.observation is not None:
            messages.append({"role": "user", "content": f"Observation: {_line(step.observation.text, _LONG)}"})
    if observations and exemplar.answer is not None:
        messages.append({"role": "assistant", "content": f"Final Answer: {_line(exemplar.answer, _LONG)}"})
    return messages


def _native(exemplar: Exemplar) -> list[Message]:
    """Each call must be followed by its result here, and the last by an answer, or servers refuse the conversation."""
    messages: list[Message] = [{"role": "user", "content": exemplar.query}]
    for number, step in enumerate(exemplar.shown_calls):
        id = f"call_{exemplar.id[:8]}_{number}"
        function = {"name": step.action, "arguments": _json(step.arguments)}
        call = {"id": id, "type": "function", "function": function}
        text = step.observation.text if step.observation is not None else ""
        messages.append({"role": "assistant", "content": step.thought or "", "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": id, "content": _cut(text, _LONG)})
    answer = exemplar.answer if exemplar.answer is not None else messages[-1]["content"]
    return [*messages, {"role": "assistant", "content": answer}]


def _visible_calls(exemplar: Exemplar, *, observations: bool) -> list[TrialStep]:
    """The calls to show; without what they returned, only the last one says anything, and that without its thought."""
    calls = exemplar.shown_calls
    return calls if observations else [step.model_copy(update={"thought": None}) for step in calls[-1:]]


def _json(arguments: dict[str, Json] | None) -> str:
    return json.dumps(arguments or {}, ensure_ascii=False)


def _line(text: str, most: int | None = None) -> str:
    """The text on one line, so that no text can pass for a marker of the protocol at the start of a line."""
    line = " ".join(text.split())
    return line if most is None else _cut(line, most)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
