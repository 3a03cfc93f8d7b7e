"""The plain values inside a call's arguments, each with its part of the schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ste_graph.contracts import Json
from ste_graph.json_values import equal


class Leaf(NamedTuple):
    """One plain value inside a call's arguments."""

    path: tuple[str | int, ...]
    value: Json
    schema: Mapping[str, Json]

    @property
    def name(self) -> str:
        """The path as people write it: `filter.from`, `items[0]`."""
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return text.removeprefix(".")

    @property
    def parameter(self) -> str:
        """The name of the innermost parameter that holds the value."""
        return next((step for step in reversed(self.path) if isinstance(step, str)), "")


def schema_leaves(value: Json, schema: Mapping[str, Json], path: tuple[str | int, ...] = ()) -> Iterator[Leaf]:
    """Every plain value, with the part of the schema for it, if any. An empty list or object counts as a value.

    So does a list or object that equals its schema's default as a whole.
    """
    schema = resolve_alternatives(schema)
    if path and _equals(value, schema.get("default", _UNSET)):
        yield Leaf(path, value, schema)
        return
    match value:
        case Mapping() if value or not path:
            properties = schema.get("properties")
            known = properties if isinstance(properties, Mapping) else {}
            for key, inner in value.items():
                yield from schema_leaves(inner, _as_mapping(known.get(key)), (*path, key))
        case list() if value:
            for index, inner in enumerate(value):
                yield from schema_leaves(inner, _as_mapping(schema.get("items")), (*path, index))
        case _:
            yield Leaf(path, value, schema)


def is_default(leaf: Leaf) -> bool:
    """True if the schema alone gives the value: its default, a constant, the only choice; or if the value is null."""
    schema = leaf.schema
    only = schema.get("enum")
    choices = [schema.get("default", _UNSET), schema.get("const", _UNSET)]
    choices += only if isinstance(only, list) and len(only) == 1 else []
    return leaf.value is None or any(_equals(leaf.value, choice) for choice in choices)


def resolve_alternatives(schema: Mapping[str, Json]) -> Mapping[str, Json]:
    """The schema with its only alternative that is not null merged in."""
    for word in ("anyOf", "oneOf"):
        options = schema.get(word)
        if isinstance(options, list):
            real = [option for option in options if isinstance(option, Mapping) and option.get("type") != "null"]
            if len(real) == 1:
                return {**real[0], **{key: value for key, value in schema.items() if key != word}}
    return schema


_UNSET = object()


def _equals(value: Json, other: object) -> bool:
    return other is not _UNSET and equal(value, other)


def _as_mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
