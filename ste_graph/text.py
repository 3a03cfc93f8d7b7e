"""Text for a person: safe to print, counted, in percent, in aligned columns; and its length for a model."""

from __future__ import annotations

import math
from collections.abc import Sequence


def printable(text: str) -> str:
    """The text with every control character except line break and tab replaced: those could steer a terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text.replace("\r\n", "\n"))


def count_noun(number: int, noun: str) -> str:
    """A number with its noun, as in `1 unit` or `1,260 trials`."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """The plural of a noun."""
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def singular(word: str) -> str:
    """The word without the ending of a plural, if it seems to have one: both `miles` and `mile` give `mile`."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    if len(word) > 2 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return {"feet": "foot"}.get(word, word)


def word_set(text: str) -> frozenset[str]:
    """The words of a list that is written as a text."""
    return frozenset(text.split())


def percent(share: float | None) -> str:
    """A share from 0 to 1 in percent, without the sign; `-` for None."""
    return "-" if share is None else f"{100 * share:.1f}"


def join_first(words: Sequence[str], shown: int, separator: str = ", ") -> str:
    """The first words in one line, and how many more there are."""
    more = f" and {len(words) - shown} more" if len(words) > shown else ""
    return separator.join(words[:shown]) + more


def first_lines(lines: Sequence[str], shown: int, *, whole: str = "") -> list[str]:
    """The first lines of a list, and one that says how many more there are, and where the `whole` is."""
    more = [f"  and {len(lines) - shown} more{whole}"] if len(lines) > shown else []
    return [*lines[:shown], *more]


def align_columns(rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,)) -> list[str]:
    """Rows of equal length as aligned lines; the columns at the indices `left` to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left_indices = {index % len(widths) for index in left} if widths else set()
    return [
        "  ".join(
            cell.ljust(width) if index in left_indices else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def approximate_tokens(text: str) -> int:
    """About how many tokens a text has, rather too many: a third of its bytes in UTF-8.

    English prose has some four bytes a token, JSON and other scripts three; give a tokenizer's own count if the budget
    must be met exactly.
    """
    return math.ceil(len(text.encode("utf-8", "surrogatepass")) / 3)
