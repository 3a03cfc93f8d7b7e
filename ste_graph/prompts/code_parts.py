"""The parts of a template that are code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_OPENING: Final = re.compile(r"\{[{%#]")
_CLOSING: Final = {"{{": "}}", "{%": "%}", "{#": "#}"}


def blank_text(text: str) -> str:
    """The template with all but its code, its line ends included, blanked out."""
    parts, end = [], 0
    for start, stop in _code_spans(text):
        parts += [_blank(text[end:start]), text[start:stop]]
        end = stop
    return "".join([*parts, _blank(text[end:])])


def _code_spans(text: str) -> Iterator[tuple[int, int]]:
    """The places of `{{ … }}` and `{% … %}`, outside of comments, from left to right."""
    unclosed = set[str]()
    """The openings that nothing closes any more: each is looked for once."""
    end = 0
    for found in _OPENING.finditer(text):
        opening = found[0]
        if found.start() < end or opening in unclosed:
            continue
        closing = text.find(_CLOSING[opening], found.end())
        if closing < 0:
            unclosed.add(opening)
            continue
        end = closing + 2
        if opening != "{#":
            yield found.start(), end


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
