"""Texts in the form in which they are compared: without case, width, typed accents and meaningless punctuation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_QUOTES = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
        "\u2011": "-",
    }
)
_GAP = re.compile(r"[^\w]+|_+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def normalise(text: str) -> str:
    """Returns the text with its characters in one form (NFKC), in lower case, with single blanks."""
    return flatten(text).casefold()


def flatten(text: str) -> str:
    """Returns the text with its characters in one form (NFKC) and single blanks."""
    return " ".join(straighten(unicodedata.normalize("NFKC", text)).split())


def lower(text: str) -> str:
    """Returns the text in lower case, each character at its place."""
    plain = text.lower()
    return plain if len(plain) == len(text) else "".join(low if len(low := c.lower()) == 1 else c for c in text)


def straighten(text: str) -> str:
    """Returns the text with straight quotes and plain hyphens."""
    return text.translate(_QUOTES)


def blank_out(text: str, places: Iterable[tuple[int, int]]) -> str:
    """Returns the text with blanks at these places, each with its start and its end."""
    for start, end in places:
        text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
    return text


def words(text: str) -> str:
    """The words of a text alone, blanks around each: `Europe/Berlin` gives ` europe berlin `."""
    return f" {' '.join(_GAP.sub(' ', normalise(text)).split())} "


def identifier_words(name: str) -> list[str]:
    """The words of an identifier: `fromUnit` and `from_unit` give from, unit."""
    return words(_CAMEL.sub(" ", name)).split()


def contains_words(text: str, value: str) -> bool:
    """True if the text has the value in it as whole words; a value without a word in it must occur as it is."""
    wanted = words(value)
    if wanted.strip():
        return wanted in words(text)
    return bool(value) and normalise(value) in normalise(text)
