"""Chat turns of a prompt: from the rendered text to messages, and what is wrong with their order in a template."""

from __future__ import annotations

from typing import Final, NamedTuple, TypedDict

from ste_graph.prompts.template import ChatTurn

SEPARATOR: Final = "\n\n"
"""It stands between the texts of two turns in a row that have the same role."""


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


def split_turns(text: str) -> list[ChatMessage]:
    """The messages of a rendered template with turns: stripped, without empty ones, those of the system first.

    Turns in a row that have the same role become one, since many chat templates refuse them.
    """
    parts = text.split(ChatTurn.boundary)
    turns = [(role, content.strip()) for role, content in zip(parts[1::2], parts[2::2], strict=True) if role != "end"]
    messages: list[ChatMessage] = []
    for role, content in sorted((turn for turn in turns if turn[1]), key=lambda turn: turn[0] != "system"):
        if messages and messages[-1]["role"] == role:
            content = f"{messages.pop()['content']}{SEPARATOR}{content}"
        messages.append({"role": role, "content": content})
    return messages


def find_order_fault(turns: list[TemplateTurn]) -> OrderFault | None:
    """What is wrong with the turns of a template in the order of the file; None if they can be a conversation."""
    if turns and turns[-1].role != "user":
        return OrderFault(turns[-1], "the last turn is not the user's", "`{% user %}` with what is asked, at the end")
    begun: TemplateTurn | None = None
    for turn in turns:
        if turn.role == "system" and begun is not None:
            return OrderFault(turn, f"`{{% system %}}` comes after `{{% {begun.role} %}}`", "`{% system %}` first")
        begun = turn if turn.role != "system" else begun
    return None
