"""JSON values: one text and one hash for the same data, and one rule for when two values are equal."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ste_graph.contracts import Json


def canonical_json(value: Json) -> str:
    """The value as compact JSON with sorted keys: the same text for the same data, and only for that."""
    return _encode_compact(value)


def digest(value: Json, *, length: int = 32) -> str:
    """The first `length` (at most 64) hexadecimal digits of the SHA-256 of the value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()[:length]


def equal(first: Json, second: Json) -> bool:
    """True if two values mean the same, see `equality_key`. Raises `RecursionError` for nesting too deep to compare."""
    return equality_key(first) == equality_key(second)


def equality_key(value: Json) -> str:
    """The value as JSON text that equal values share: the one equality of training, splitting and scoring.

    The order of keys does not count, nor white space around a text, nor how a number is written (`2` is `2.0`, but
    not `"2"`); a letter with a separate accent is the same as the accented letter.
    """
    return _encode_any(_normalise(value))


def leaves(value: Json) -> Iterator[Json]:
    """The texts, numbers, truth values and nulls in a value, in order."""
    inner = value.values() if isinstance(value, Mapping) else value
    if isinstance(inner, str) or not isinstance(inner, Iterable):
        yield inner
    else:
        yield from (leaf for each in inner for leaf in leaves(each))


def map_leaves(value: Json, change: Callable[[Json], Json]) -> Json:
    """The value with what `change` gives for each of its leaves; keys stay."""
    if isinstance(value, Mapping):
        return {key: map_leaves(inner, change) for key, inner in value.items()}
    return [map_leaves(inner, change) for inner in value] if isinstance(value, list | tuple) else change(value)


_encode_compact = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_encode_any = json.JSONEncoder(ensure_ascii=False, sort_keys=True, default=lambda other: {"": repr(other)}).encode


def _normalise(value: Json) -> Json:
    match value:
        case str():
            return unicodedata.normalize("NFC", value).strip()
        case float() if value.is_integer():
            return int(value)
        case Mapping():
            return {unicodedata.normalize("NFC", str(key)): _normalise(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_normalise(inner) for inner in value]
    return value
