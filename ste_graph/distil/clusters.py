"""Clusters: requests that belong together, and so are never on both sides of a split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

from ste_graph.contracts import Json
from ste_graph.distil.leaves import is_default, schema_leaves
from ste_graph.json_values import equality_key

Apart: TypeAlias = Literal["combination", "value", "wording"]
"""The two sides of a split may not share: the arguments of a call as a whole; with `value` also any single value that
is chosen freely (no default, no switch, none that the schema lists or gives as an example); with `wording` also the
wording of a request, which is what is left of it without the values of its call."""


def separation_keys(arguments: Mapping[str, Json], parameters: Mapping[str, Json], apart: Apart) -> set[str]:
    """The keys that a call may not share with a call on the other side; empty for a call without arguments.

    What a call leaves out counts as its default: `{length: 16}` and `{length: 16, symbols: false}` are one call.
    """
    whole = {equality_key(fill_defaults(arguments, parameters))} if arguments else set()
    return whole | free_values(arguments, parameters) if apart == "value" else whole


def fill_defaults(arguments: Mapping[str, Json], parameters: Mapping[str, Json]) -> dict[str, Json]:
    """The arguments with the defaults of the schema for those that the call leaves out."""
    properties = parameters.get("properties")
    known = properties.items() if isinstance(properties, Mapping) else ()
    defaults = {name: part["default"] for name, part in known if isinstance(part, Mapping) and "default" in part}
    return defaults | dict(arguments)


def free_values(arguments: Mapping[str, Json], parameters: Mapping[str, Json]) -> set[str]:
    """The values of a call that are chosen freely: no default, no switch, none that its schema lists or exemplifies."""
    return {
        equality_key(leaf.value)
        for leaf in schema_leaves(arguments, parameters)
        if not (
            is_default(leaf)
            or isinstance(leaf.value, bool | list | dict)
            or "enum" in leaf.schema
            or equality_key(leaf.value) in map(equality_key, leaf.schema.get("examples") or ())
        )
    }


def assign_clusters(keys: Sequence[Iterable[str]], alike: Iterable[tuple[int, int]]) -> list[int]:
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
    for first_item, second_item in [*pairs, *alike]:
        low, high = sorted((root(first_item), root(second_item)))
        parent[high] = low
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(item), len(numbers)) for item in range(len(keys))]
