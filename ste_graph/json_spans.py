"""The places of parts of a JSON text, so that one of them can be replaced and all others stay as they are written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]

_DECODER = json.JSONDecoder(strict=False)
_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True)
class JsonSpan:
    """A value in a text, from `start` up to `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Edit:
    """A part of a text and what to write in its place; an empty part: what to insert there."""

    span: JsonSpan
    text: str


def members(text: str, start: int) -> Iterator[tuple[str, JsonSpan]]:
    """The members of the object that begins at `start`, in order, also those of one name; empty if it is not an object.

    Raises `ValueError` where the text is not JSON.
    """
    if text[start : start + 1] != "{":
        return
    at = _skip_blank(text, start + 1)
    while text[at : at + 1] != "}":
        if text[at : at + 1] != '"':
            raise ValueError(f"expected a key at {at}")
        key, at = scanstring(text, at + 1, False)
        at = _skip(text, _skip_blank(text, at), ":")
        end = _find_end(text, at)
        yield key, JsonSpan(at, end)
        at = _skip_blank(text, end)
        if text[at : at + 1] != "}":
            at = _skip(text, at, ",")


def elements(text: str, start: int) -> Iterator[JsonSpan]:
    """The elements of the array that begins at `start`, in order; empty if it is not an array. Raises `ValueError`."""
    if text[start : start + 1] != "[":
        return
    at = _skip_blank(text, start + 1)
    while text[at : at + 1] != "]":
        end = _find_end(text, at)
        yield JsonSpan(at, end)
        at = _skip_blank(text, end)
        if text[at : at + 1] != "]":
            at = _skip(text, at, ",")


def first_value(text: str) -> int:
    """The place at which the text's value begins."""
    return _skip_blank(text, 0)


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text with the edits made, which must not overlap."""
    for edit in sorted(edits, key=lambda edit: edit.span.start, reverse=True):
        text = f"{text[: edit.span.start]}{edit.text}{text[edit.span.end :]}"
    return text


def _find_end(text: str, start: int) -> int:
    return _DECODER.raw_decode(text, start)[1]


def _skip(text: str, at: int, mark: str) -> int:
    """The place of the value after a mark that has to be at `at`."""
    if text[at : at + 1] != mark:
        raise ValueError(f"expected `{mark}` at {at}")
    return _skip_blank(text, at + 1)


def _skip_blank(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _BLANK:
        at += 1
    return at
