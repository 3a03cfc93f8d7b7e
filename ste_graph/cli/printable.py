"""Words for a person at a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Text of a model or a tool, with no control character but line break and tab, which could steer the terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text.replace("\r\n", "\n"))


def counted(number: int, noun: str) -> str:
    """So many of something, as in `1 unit` or `1,260 trials`."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """More than one of something."""
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
