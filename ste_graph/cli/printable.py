"""Text of models and tools, made safe to show on a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with every control character but line break and tab replaced, so that it cannot steer the terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text.replace("\r\n", "\n"))
