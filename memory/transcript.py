"""Short-term memory: the conversation so far."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import dropwhile, groupby
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from ste_graph.contracts import Message

_KEPT, _LEFT_OUT = "kept", "left out"
"""Roles of the summaries in the state, each after the messages of its record: the messages are still there, or the
summary is all that is left of them."""

_HEAD = 2
"""Messages at the start that stay, one of the user and one of the assistant: they say what it is all about."""

_CHARACTERS, _FRAME = 4, 4
"""A token counts as so many characters, as in English on the average; and a message costs so many tokens by itself."""

_LEFT_OUT_HERE = "The conversation about these is left out here:"
_ACKNOWLEDGED = "I keep them in mind."


class Transcript(BaseModel):
    """Every message of its lifetime, in order (STE, section 3: the short-term memory of an episode).

    With `max_tokens`, the messages of the oldest records shrink to a line each as soon as the whole is longer than
    that, then go themselves; a trial's line has its request and whether it was solved. The very first turns and what
    was added since the last record stay whole, so that a single long trial may exceed the bound.

    Differs: the paper's loop keeps everything, and fails when the model's window is full.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    holds: ClassVar[Literal["messages"]] = "messages"

    max_tokens: int | None = Field(default=None, ge=1)
    """Tokens of all messages together, four characters counted as one; unset: without bound."""

    def extend(self, state: Sequence[Message], new: Sequence[Message]) -> list[Message]:
        return self._shorten([*state, *new])

    def mark_record(self, state: Sequence[Message], summary: str) -> list[Message]:
        if self.max_tokens is None or not state or state[-1]["role"] in (_KEPT, _LEFT_OUT):
            return list(state)
        return self._shorten([*state, {"role": _KEPT, "content": summary}])

    def messages(self, state: Sequence[Message]) -> list[Message]:
        if self.max_tokens is None:
            return list(state)
        messages: list[Message] = []
        for left_out, run in groupby(state, key=lambda message: message["role"] == _LEFT_OUT):
            if left_out:
                lines = [message["content"] for message in run]
                messages.append({"role": "user", "content": "\n".join([_LEFT_OUT_HERE, *lines])})
                messages.append({"role": "assistant", "content": _ACKNOWLEDGED})
            else:
                messages += [message for message in run if message["role"] != _KEPT]
        return messages

    def _shorten(self, state: list[Message]) -> list[Message]:
        while self.max_tokens is not None and count_tokens(self.messages(state)) > self.max_tokens:
            shorter = _without_oldest(state)
            if shorter is None:
                break
            state = shorter
        return state


def _without_oldest(state: Sequence[Message]) -> list[Message] | None:
    """The state with the oldest record's messages left out; else without the oldest summary; None if neither is there.

    The answers to an assistant's own tool calls go with the message that made them, though they may come after the
    record; and if the conversation went on with them alone, the next record's messages go too.
    """
    start = _HEAD
    for place in range(_HEAD, len(state)):
        role = state[place]["role"]
        if role == "tool" and place == start:
            start += 1
        elif role == _LEFT_OUT or (role == _KEPT and place == start):
            start = place + 1
        elif role == _KEPT:
            rest = list(dropwhile(lambda message: message["role"] == "tool", state[place + 1 :]))
            if not rest or rest[0]["role"] != "assistant":
                gone = [message["content"] for message in state[start : place + 1] if message["role"] == _KEPT]
                return [*state[:start], *({"role": _LEFT_OUT, "content": line} for line in gone), *rest]
    oldest = next((place for place, message in enumerate(state) if message["role"] == _LEFT_OUT), None)
    return None if oldest is None else [*state[:oldest], *state[oldest + 1 :]]


def count_tokens(messages: Sequence[Message]) -> int:
    """About how many tokens messages have: one per four characters of text and calls, and a frame for each message."""
    return sum(_FRAME - -_length(message) // _CHARACTERS for message in messages)


def _length(message: Message) -> int:
    calls = message.get("tool_calls") or ()
    return len(str(message.get("content") or "")) + sum(len(str(call.get("function"))) for call in calls)
