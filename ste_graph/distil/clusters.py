"""Clusters: which requests belong together, so that they never stand on both sides of a split."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

from ste_graph.contracts import Json

from .grounding import is_default, leaves

Apart: TypeAlias = Literal["combination", "value"]
"""What the two sides of a split may not share: a call's arguments as a whole, or any single value that is chosen
freely (no default, no switch, none that the schema lists or gives as an example)."""


def keys_of(arguments: Mapping[str, Json], parameters: Mapping[str, Json], apart: Apart) -> set[str]:
    """What a call must not share with a call on the other side; a call without arguments can share anything."""
    whole = {canonical(arguments)} if arguments else set()
    return whole if apart == "combination" else whole | free_values(arguments, parameters)


def free_values(arguments: Mapping[str, Json], parameters: Mapping[str, Json]) -> set[str]:
    """The values of a call that are chosen freely: no default, no switch, none that its schema lists or exemplifies."""
    return {
        canonical(leaf.value)
        for leaf in leaves(arguments, parameters)
        if not (
            is_default(leaf)
            or isinstance(leaf.value, bool | list | dict)
            or "enum" in leaf.schema
            or canonical(leaf.value) in map(canonical, leaf.schema.get("examples") or ())
        )
    }


def canonical(value: Json) -> str:
    """Equal for values that are equal as JSON: keys in any order, 2 as 2.0."""
    return json.dumps(_whole(value), sort_keys=True, ensure_ascii=False)


def clusters(keys: Sequence[Iterable[str]], alike: Iterable[tuple[int, int]]) -> list[int]:
    """Per item the number of its cluster, from 0 in order of first appearance.

    Items belong together if they share a key, if a pair of `alike` names them, or by way of others.
    """
    parent = list(range(len(keys)))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = item = parent[parent[item]]
        return item

    first: dict[str, int] = {}
    pairs = [(item, first.setdefault(key, item)) for item, own in enumerate(keys) for key in own]
    for one, other in [*pairs, *alike]:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(item), len(numbers)) for item in range(len(keys))]


def _whole(value: Json) -> Json:
    match value:
        case float() if value.is_integer():
            return int(value)
        case Mapping():
            return {str(key): _whole(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_whole(inner) for inner in value]
    return value
