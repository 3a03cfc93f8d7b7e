"""The repairs by which a reply is read, by name."""

from __future__ import annotations

from typing import Literal, TypeAlias

Repair: TypeAlias = Literal[
    # the form: what was asked for, and what came
    "answer as JSON",
    "call as JSON",
    "call as markup",
    "call as Python",
    "call as text",
    "call by the server",
    "call in the reasoning",
    "call in the text",
    # the call
    "decorated name",
    "empty input",
    "flat arguments",
    "markers within a line",
    "missing Action Input",
    "name as key",
    "object as text",
    "observation cut",
    "positional arguments",
    "several calls",
    "text after the object",
    "text before the object",
    # the JSON
    "code fence",
    "comment",
    "doubled braces",
    "line break in a string",
    "missing brace",
    "python literal",
    "single quotes",
    "trailing comma",
    "typographic quotes",
    "unquoted key",
]
"""A repair that a reply needed before it could be read."""
