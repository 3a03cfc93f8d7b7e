"""Chat turns of a prompt: those of a template, what is wrong with their order, and the messages that they become."""

from __future__ import annotations

from typing import NamedTuple, TypedDict


class ChatMessage(TypedDict):
    """A message with a text."""

    role: str
    content: str


class TemplateTurn(NamedTuple):
    """A chat turn of a template and the line of its tag, from 1."""

    role: str
    line: int


class OrderFault(NamedTuple):
    """A fault in the order of turns, at the line of a tag, from 1."""

    turn: TemplateTurn
    message: str
    expected: str


def find_order_fault(turns: list[TemplateTurn]) -> OrderFault | None:
    """The fault of the turns of a template in the order of the file; None if they can be a conversation."""
    if turns and turns[-1].role != "user":
        return OrderFault(turns[-1], "the last turn is not the user's", "`{% user %}` with what is asked, at the end")
    begun: TemplateTurn | None = None
    for turn in turns:
        if turn.role == "system" and begun is not None:
            return OrderFault(turn, f"`{{% system %}}` comes after `{{% {begun.role} %}}`", "`{% system %}` first")
        begun = turn if turn.role != "system" else begun
    return None
