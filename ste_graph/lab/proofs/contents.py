"""The contents of memories: other ones in their place, and the marks by which they are known again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from ste_graph.contracts import Json
from ste_graph.lab.proofs.canaries import StepPlace
from ste_graph.lab.proofs.evidence import TRIES, Wire

ENGINE_KEYS: Final = frozenset({"id", "record", "started", "ended"})
"""The fields that every record has, whatever it is about."""


def find_distance(origin: StepPlace, place: StepPlace) -> str | None:
    """The outermost loop of which another pass than the one of `place` made something; `unit`: another unit did.

    None where it was made in the same passes.
    """
    if origin.unit != place.unit:
        return "unit"
    own = dict(place.counters)
    for loop, number in origin.counters:
        if number is not None and own.get(loop) not in (None, number):
            return loop
    return None


def arrived_fields(entry: Json, wire: Wire) -> Json:
    """The part of an entry that arrives in prompts."""
    return [entry.get(name) for name, number in wire.fields.items() if number > 0]


def is_undecided(wire: Wire, name: str) -> bool:
    """True if it is not known yet whether a field arrives, and was not tried too often."""
    return -TRIES < wire.fields.get(name, 0) <= 0


def list_variations(content: Json, left_out: frozenset[str]) -> Iterator[tuple[str, Json]]:
    """The content with other values under one key of its entries at a time, and the key; of texts, all at once."""
    entries = content if isinstance(content, list) else []
    if entries and all(isinstance(entry, Mapping) for entry in entries):
        for name in dict.fromkeys(key for entry in entries for key in entry):
            if name not in left_out:
                yield name, [{**entry, name: vary(entry[name])} if name in entry else entry for entry in entries]
    else:
        yield "", vary(content)


def vary(value: Json) -> Json:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value} canary"
    if isinstance(value, Mapping):
        return {key: vary(inner) for key, inner in value.items()}
    return [vary(inner) for inner in value] if isinstance(value, list) else value


def render_content(value: Json) -> str:
    """The value as a text in which canaries can be found."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def list_marks(content: Json) -> set[str]:
    """The texts in a content by which it is known again: those of some length, and canaries by their first word."""
    if isinstance(content, Mapping):
        return set().union(*(list_marks(value) for key, value in content.items() if key not in ENGINE_KEYS), set())
    if isinstance(content, list):
        return set().union(*map(list_marks, content), set())
    if isinstance(content, str) and len(content) > 3:
        return {content, *(word for word in content.replace('"', " ").split() if word.startswith("qz"))}
    return set()
