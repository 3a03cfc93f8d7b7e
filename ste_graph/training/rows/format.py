"""The formats in which examples are written as rows."""

from __future__ import annotations

from enum import StrEnum


class RowFormat(StrEnum):
    """The format of a row."""

    messages = "messages"
    prompt_completion = "prompt-completion"
    paper = "paper"


class SplitSide(StrEnum):
    """A side of the split."""

    train = "train"
    heldout = "heldout"


class ArgumentFormat(StrEnum):
    """The format of a call's arguments in a message.

    As JSON text, which OpenAI asks for, or as an object, which many chat templates of open models ask for.
    """

    text = "text"
    object = "object"
