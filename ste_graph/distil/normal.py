"""Texts as they are compared: without case, width, accents of typing, and punctuation that carries no meaning."""

from __future__ import annotations

import re
import unicodedata

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


def plain(text: str) -> str:
    """The text in one form of its characters, lower case, white space as single blanks."""
    return " ".join(straight(unicodedata.normalize("NFKC", text)).casefold().split())


def straight(text: str) -> str:
    """The text with straight quotes and plain hyphens."""
    return text.translate(_QUOTES)


def words(text: str) -> str:
    """The words of a text alone, blanks around each: `Europe/Berlin` gives ` europe berlin `."""
    return f" {' '.join(_GAP.sub(' ', plain(text)).split())} "


def parts(name: str) -> list[str]:
    """The words of an identifier: `fromUnit` and `from_unit` give from, unit."""
    return words(_CAMEL.sub(" ", name)).split()


def holds(text: str, value: str) -> bool:
    """Whether the text says the value, as whole words; what has no word in it must stand there as it is."""
    wanted = words(value)
    if wanted.strip():
        return wanted in words(text)
    return bool(value) and plain(value) in plain(text)
