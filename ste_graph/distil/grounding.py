"""Grounding: whether each value of a call can be traced to something that was said before it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from ste_graph.contracts import Json
from ste_graph.json_values import equal

from .dates import day_of, days_in, moment_of, times_in
from ste_graph.distil.normalisation import holds, parts, plain, straight
from .numbers import numbers_in

Source: TypeAlias = Literal["request", "observation", "default", "nothing"]
"""Where a value comes from."""

_YES = frozenset({"yes", "true", "on", "with", "include", "including", "please"})
_NO = frozenset({"no", "not", "false", "off", "without", "exclude", "excluding", "don't", "never", "skip", "omit"})


class Leaf(NamedTuple):
    """One plain value inside a call's arguments."""

    path: tuple[str | int, ...]
    value: Json
    schema: Mapping[str, Json]

    @property
    def name(self) -> str:
        """The path as people write it: `filter.from`, `items[0]`."""
        told = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return told.removeprefix(".")


def traced(
    arguments: Mapping[str, Json],
    parameters: Mapping[str, Json],
    request: str,
    observations: Sequence[str] = (),
    *,
    free: Collection[str] = (),
) -> dict[str, Source]:
    """Per value of a call, by its path: where it comes from.

    A value that is the schema's default, or the only one that the schema allows, needs no other source. A parameter in
    `free` is one whose values are composed rather than stated, such as a query language: it counts as the request's.
    """
    found: dict[str, Source] = {}
    for leaf in leaves(arguments, parameters):
        if is_default(leaf):
            found[leaf.name] = "default"
        elif leaf.path[0] in free or says(request, leaf):
            found[leaf.name] = "request"
        elif any(says(text, leaf) for text in observations):
            found[leaf.name] = "observation"
        else:
            found[leaf.name] = "nothing"
    return found


def leaves(value: Json, schema: Mapping[str, Json], path: tuple[str | int, ...] = ()) -> Iterator[Leaf]:
    """Every plain value, with the schema of its place as far as that is stated. Empty lists and objects count as one.

    A list or object that is as a whole its schema's default is one, too.
    """
    schema = _resolved(schema)
    if path and _same(value, schema.get("default", _NONE)):
        yield Leaf(path, value, schema)
        return
    match value:
        case Mapping() if value or not path:
            properties = schema.get("properties")
            known = properties if isinstance(properties, Mapping) else {}
            for key, inner in value.items():
                yield from leaves(inner, _mapping(known.get(key)), (*path, key))
        case list() if value:
            for index, inner in enumerate(value):
                yield from leaves(inner, _mapping(schema.get("items")), (*path, index))
        case _:
            yield Leaf(path, value, schema)


def is_default(leaf: Leaf) -> bool:
    """Whether the schema alone says the value: its default, a constant, the one choice; null, where that may stand."""
    schema = leaf.schema
    only = schema.get("enum")
    choices = [schema.get("default", _NONE), schema.get("const", _NONE)]
    choices += only if isinstance(only, list) and len(only) == 1 else []
    return leaf.value is None or any(_same(leaf.value, choice) for choice in choices)


def says(text: str, leaf: Leaf) -> bool:
    """Whether a text says a value: literally, as a number, as a day or a time of day, each in any usual form."""
    match leaf.value:
        case bool() as switch:
            return _switched(text, leaf.path, switch)
        case int() | float() as number:
            return _said_number(text, float(number))
        case str() as value:
            return _said_text(text, value)
    return False  # an empty list or object that is no default says nothing that one could ask for


def _switched(text: str, path: Sequence[str | int], switch: bool) -> bool:
    """A switch is said by yes or no, or by what its parameter is called."""
    said = set(plain(text).replace(".", " ").replace(",", " ").split())
    named = [word for step in path if isinstance(step, str) for word in parts(step) if len(word) > 2]
    return bool(said & (_YES if switch else _NO)) or (switch and any(holds(text, word) for word in named))


def _said_number(text: str, number: float) -> bool:
    return any(abs(number - one) <= 1e-9 * max(1.0, abs(number)) for one in numbers_in(text))


def _said_text(text: str, value: str) -> bool:
    value = value.strip()
    if len(value) < 2:
        return _said_sign(text, value)
    if (number := _number(value)) is not None:
        return _said_number(text, number)
    if holds(text, value):
        return True
    if day := day_of(value):
        return day in days_in(text)
    if moment := moment_of(value):
        day, time = moment
        return time in times_in(text) and (day is None or day in days_in(text))
    return False


def _said_sign(text: str, value: str) -> bool:
    """A single character is said where it stands alone, and in quotes if it could be a word of its own."""
    if not value:
        return False
    bare = "" if value in "aAI" else rf"|(?<!\w){re.escape(value)}(?!\w)"
    return re.search(rf"[\"'`]{re.escape(value)}[\"'`]{bare}", straight(text)) is not None


def _number(value: str) -> float | None:
    """The number that a text is; None where it is none, or more than one: `007` is no seven."""
    return float(value) if _NUMBER.fullmatch(value) else None


_NUMBER = re.compile(r"[-+]?(?:0|[1-9]\d{0,30})(?:\.\d{1,30})?")


_NONE = object()


def _same(one: Json, other: object) -> bool:
    return other is not _NONE and equal(one, other)


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _resolved(schema: Mapping[str, Json]) -> Mapping[str, Json]:
    """A schema with the one alternative that is not null taken; what stands beside the alternatives counts too."""
    for word in ("anyOf", "oneOf"):
        options = schema.get(word)
        if isinstance(options, list):
            real = [option for option in options if isinstance(option, Mapping) and option.get("type") != "null"]
            if len(real) == 1:
                return {**real[0], **{key: value for key, value in schema.items() if key != word}}
    return schema
