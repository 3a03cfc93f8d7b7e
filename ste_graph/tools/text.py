"""What a tool gave, as the text that a model reads."""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticSerializationError, to_json


def as_text(value: Any) -> str:
    """A string as it is, everything else as JSON: dates in ISO 8601, NaN as `NaN`, letters unescaped."""
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return from_bytes(bytes(value))
    try:
        return to_json(value, inf_nan_mode="constants", fallback=repr).decode()
    except (PydanticSerializationError, ValueError, RecursionError):
        return sound(repr(value))  # bytes that are no text somewhere inside, or a value that holds itself


def from_bytes(data: bytes) -> str:
    """The bytes as UTF-8 text, or a description of them where they are none."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"<{len(data):,} bytes that are not UTF-8 text, starting {data[:16].hex(' ')}>"


def sound(text: str) -> str:
    """The text without lone surrogates, which no file could hold."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def clipped(text: str, limit: int) -> tuple[str, bool]:
    """At most `limit` characters of the text, head and tail kept, and whether something was left out."""
    if len(text) <= limit:
        return text, False
    left_out = f"\n[… {len(text) - limit:,} characters left out …]\n"
    kept = max(limit - len(left_out), 0)
    head = (kept + 1) // 2
    return text[:head] + left_out[: limit - kept] + text[len(text) - (kept - head) :], True
