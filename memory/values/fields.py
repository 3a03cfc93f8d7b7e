"""The values in a tool's answer, each with the name of its field and of the thing that the field belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from ste_graph.contracts import Frozen, Json, ReadResult
from ste_graph.redaction import REPLACEMENT
from ste_graph.text import singular
from ste_graph.tools.verbs import READING, split_words

Scalar: TypeAlias = str | int | float

LONGEST = 80
"""Characters; a longer text is prose and no value to ask for."""

SHORTEST_WORD = 3
"""Letters; a shorter word says nothing about the subject of a text, and nobody searches for it."""

MOST = 2000
"""Values taken from one answer."""


class FieldValue(Frozen):
    """One value of a tool's answer.

    `words` name the field in full, as `("order", "id")` for the `id` of an entry of `orders`; `place` says where it
    stood, as `list_orders: orders[].id`, and in which earlier run: `list_orders: orders[].id (shop-pack)`. `about` are
    the words that the giving tool's description has, for texts alone.
    """

    value: Scalar
    words: tuple[str, ...]
    place: str
    about: tuple[str, ...] = ()


def read_fields(result: ReadResult) -> list[FieldValue]:
    """The values in an answer of a tool: of its data if the tool gave any, else of the JSON in its text; each once."""
    described = split_words(result.description)
    about = tuple(sorted({singular(word) for word in described if len(word) >= SHORTEST_WORD}))
    data = result.data
    if data is None:
        try:
            data = json.loads(result.text)
        except (ValueError, RecursionError):
            return []
    if not isinstance(data, (dict, list)):
        return []
    found: dict[tuple[Scalar, tuple[str, ...]], FieldValue] = {}
    source = f" ({result.source})" if result.source else ""
    for value, path, owner in _walk(data, (), _object_words(result.tool)):
        name = next((key for key in reversed(path) if key != "[]"), "")
        words = tuple(map(singular, split_words(name)))
        full = words if words[: len(owner)] == owner else (*owner, *words)
        place = f"{result.tool}: {'.'.join(path).replace('.[]', '[]')}{source}"
        topics = about if isinstance(value, str) else ()
        found.setdefault((value, full), FieldValue(value=value, words=full, place=place, about=topics))
        if len(found) == MOST:
            break
    return list(found.values())


def _object_words(tool: str) -> tuple[str, ...]:
    """The words for the thing that a tool reads, in the singular: `list_orders` → `("order",)`."""
    words = [singular(word) for word in split_words(tool)]
    while words and words[0] in READING:
        del words[0]
    by = next((index for index, word in enumerate(words) if word in ("by", "for", "of")), len(words))
    return tuple(words[:by])


def _walk(
    data: Json, path: tuple[str, ...], owner: tuple[str, ...]
) -> Iterator[tuple[Scalar, tuple[str, ...], tuple[str, ...]]]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            inner = tuple(map(singular, split_words(key))) if isinstance(value, (dict, list)) else owner
            # An envelope, such as `results`, says nothing about what is inside it.
            yield from _walk(value, (*path, key), owner if inner and inner[-1] in _ENVELOPES else inner)
    elif isinstance(data, list):
        for value in data:
            yield from _walk(value, (*path, "[]"), owner)
    elif _is_value(data):
        yield data, path, owner


def _is_value(data: Json) -> bool:
    if isinstance(data, str):
        return len(data.strip()) > 0 and len(data) <= LONGEST and "\n" not in data and REPLACEMENT not in data
    return isinstance(data, (int, float)) and not isinstance(data, bool)


_ENVELOPES = frozenset(["data", "item", "entry", "result", "response", "value", "record", "row", "page", "body", "hit"])
