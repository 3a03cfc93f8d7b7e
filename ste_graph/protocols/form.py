"""The forms in which calls are asked for, and the parsers of replies, by their names: a module that imports nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

Form: TypeAlias = Literal["react", "native", "json"]
"""The forms in which a call can be asked for: the paper's text, the model's own tool calling, a JSON object."""


class Parser(StrEnum):
    """The parsers of replies, by name."""

    paper = "paper"
    tolerant = "tolerant"
