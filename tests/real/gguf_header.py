"""The name that a GGUF file gives itself, read from its header."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_NUMBERS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of each type of number in a header (the specification of GGUF, version 3)."""
_TEXT, _ARRAY = 8, 9


def read_name(file: Path) -> str:
    """`general.name` of a GGUF file, "" if it has none. Raises `ValueError` if it is not a GGUF file."""
    with file.open("rb") as source:
        if source.read(4) != b"GGUF":
            raise ValueError("it does not begin with GGUF")
        _version, _tensors, entries = struct.unpack("<IQQ", source.read(20))
        for _ in range(entries):
            key, kind = _read_text(source), _read_int(source, "<I")
            if key == "general.name" and kind == _TEXT:
                return _read_text(source)
            _skip(source, kind)
    return ""


def _read_int(source: BinaryIO, form: str) -> int:
    try:
        return int(struct.unpack(form, source.read(struct.calcsize(form)))[0])
    except struct.error:
        raise ValueError("it ends within its header") from None


def _read_text(source: BinaryIO) -> str:
    return source.read(_read_int(source, "<Q")).decode("utf-8", "replace")


def _skip(source: BinaryIO, kind: int) -> None:
    if kind == _TEXT:
        _read_text(source)
    elif kind == _ARRAY:
        inner, count = _read_int(source, "<I"), _read_int(source, "<Q")
        for _ in range(count):
            _skip(source, inner)
    elif kind in _NUMBERS:
        source.seek(_NUMBERS[kind], 1)
    else:
        raise ValueError(f"its header holds a value of unknown type {kind}")
