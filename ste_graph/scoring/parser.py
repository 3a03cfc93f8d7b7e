"""The parsers by name."""

from __future__ import annotations

from enum import StrEnum


class Parser(StrEnum):
    """Who reads the replies."""

    paper = "paper"
    tolerant = "tolerant"
