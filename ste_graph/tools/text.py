"""Values of tools as the text that a model reads."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Literal

from pydantic_core import PydanticSerializationError, from_json, to_json

from ste_graph.contracts import Json

MARK = 48
"""Characters for the line that replaces what was left out."""


def media_type(headers: Mapping[str, str]) -> str:
    """The media type that the headers of a response state, without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def as_text(value: Any) -> str:
    """A string as it is, all else as JSON: dates in ISO 8601, NaN as `NaN`, other objects by their `repr`."""
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return decode_bytes(bytes(value))
    modes: tuple[Literal["utf8", "base64"], ...] = ("utf8", "base64")
    for mode in modes:  # base64 only where there are bytes inside that are not text
        with contextlib.suppress(PydanticSerializationError, ValueError, RecursionError):
            return to_json(value, inf_nan_mode="constants", bytes_mode=mode, fallback=repr).decode()
    return replace_surrogates(repr(value))  # a value that holds itself


def plain_data(value: Any, limit: int) -> Json:
    """The value as plain JSON data; None if it has no such form, or is longer than `limit` characters."""
    if value is None:
        return None
    try:
        written = to_json(value, inf_nan_mode="null")
        return from_json(written) if len(written) <= limit else None
    except (PydanticSerializationError, ValueError, RecursionError):
        return None


def decode_bytes(data: bytes) -> str:
    """The bytes as UTF-8 text, or a description of bytes that are something else."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"<{len(data):,} bytes that are not UTF-8 text, starting {data[:16].hex(' ')}>"


def replace_surrogates(text: str) -> str:
    """The text without lone surrogates, which no file could hold."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def clip(text: str, limit: int) -> tuple[str, bool]:
    """At most `limit` (50 or more) characters of the text, with head and tail, and whether some were left out."""
    if len(text) <= limit:
        return text, False
    rest = limit - MARK
    head = (rest + 1) // 2
    left_out = f"\n[… {len(text) - rest:,} characters left out …]\n"
    return text[:head] + left_out + text[len(text) - (rest - head) :], True
