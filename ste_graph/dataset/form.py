"""In which form a data set is written."""

from __future__ import annotations

from enum import StrEnum


class Form(StrEnum):
    """How an example is written."""

    messages = "messages"
    prompt_completion = "prompt-completion"
    paper = "paper"


class Side(StrEnum):
    """Which side of the split."""

    train = "train"
    heldout = "heldout"


class Arguments(StrEnum):
    """How a call's arguments stand in a message.

    As JSON text, which OpenAI asks for, or as an object, which many chat templates of open models ask for.
    """

    text = "text"
    object = "object"
