"""Two texts side by side, as far as they differ."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Final

CONTEXT: Final = 1
"""Lines that both texts have, above and below what differs."""
GAP: Final = "⋮"


def side_by_side(a: Sequence[str], b: Sequence[str], width: int) -> list[str]:
    """Lines of at most `width` characters: left `a`, right `b`; `|` changed, `<` only left, `>` only right."""
    column = max(20, (width - 3) // 2)
    lines: list[str] = []
    blocks = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    for number, (tag, a_from, a_to, b_from, b_to) in enumerate(blocks):
        if tag == "equal":
            lines += _equal(a[a_from:a_to], column, first=number == 0, last=number == len(blocks) - 1)
        else:
            for left, right in zip_longest(a[a_from:a_to], b[b_from:b_to]):
                lines += _row(left, right, column)
    return lines


def _equal(lines: Sequence[str], column: int, *, first: bool, last: bool) -> Iterator[str]:
    """The lines next to what differs, and a sign for those left out."""
    before = 0 if first else min(CONTEXT, len(lines))
    after = 0 if last else min(CONTEXT, len(lines) - before)
    for line in lines[:before]:
        yield from _row(line, line, column)
    if len(lines) > before + after:
        yield GAP
    for line in lines[len(lines) - after :]:
        yield from _row(line, line, column)


def _row(left: str | None, right: str | None, column: int) -> Iterator[str]:
    mark = " " if left == right else "<" if right is None else ">" if left is None else "|"
    for own, other in zip_longest(_wrap(left, column), _wrap(right, column), fillvalue=""):
        yield f"{own:{column}} {mark} {other}".rstrip()


def _wrap(line: str | None, column: int) -> list[str]:
    return [""] if not line else textwrap.wrap(line, column, drop_whitespace=False, replace_whitespace=False) or [""]
