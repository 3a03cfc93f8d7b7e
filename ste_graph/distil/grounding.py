"""Grounding: tracing each value of a call to its source in the request or in an earlier observation."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from ste_graph.contracts import Json
from ste_graph.distil.dates import days_in, parse_day, parse_moment, times_in
from ste_graph.distil.normalisation import contains_words, identifier_words, normalise, straighten
from ste_graph.distil.numbers import numbers_in
from ste_graph.json_values import equal

Source: TypeAlias = Literal["request", "observation", "default", "nothing"]
"""The source of a value."""

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
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return text.removeprefix(".")


def trace_values(
    arguments: Mapping[str, Json],
    parameters: Mapping[str, Json],
    request: str,
    observations: Sequence[str] = (),
    *,
    free: Collection[str] = (),
) -> dict[str, Source]:
    """The source of each value of a call, by its path.

    A value that is the schema's default, or the only one that the schema allows, needs no other source. A parameter in
    `free` is one whose values are composed rather than stated, such as a query language: it counts as the request's.
    """
    found: dict[str, Source] = {}
    for leaf in leaves(arguments, parameters):
        if is_default(leaf):
            found[leaf.name] = "default"
        elif leaf.path[0] in free or mentions(request, leaf):
            found[leaf.name] = "request"
        elif any(mentions(text, leaf) for text in observations):
            found[leaf.name] = "observation"
        else:
            found[leaf.name] = "nothing"
    return found


def leaves(value: Json, schema: Mapping[str, Json], path: tuple[str | int, ...] = ()) -> Iterator[Leaf]:
    """Every plain value, with the part of the schema for it, if any. An empty list or object counts as a value.

    So does a list or object that equals its schema's default as a whole.
    """
    schema = _resolve_alternatives(schema)
    if path and _equals(value, schema.get("default", _UNSET)):
        yield Leaf(path, value, schema)
        return
    match value:
        case Mapping() if value or not path:
            properties = schema.get("properties")
            known = properties if isinstance(properties, Mapping) else {}
            for key, inner in value.items():
                yield from leaves(inner, _as_mapping(known.get(key)), (*path, key))
        case list() if value:
            for index, inner in enumerate(value):
                yield from leaves(inner, _as_mapping(schema.get("items")), (*path, index))
        case _:
            yield Leaf(path, value, schema)


def is_default(leaf: Leaf) -> bool:
    """True if the schema alone gives the value: its default, a constant, the only choice; or if the value is null."""
    schema = leaf.schema
    only = schema.get("enum")
    choices = [schema.get("default", _UNSET), schema.get("const", _UNSET)]
    choices += only if isinstance(only, list) and len(only) == 1 else []
    return leaf.value is None or any(_equals(leaf.value, choice) for choice in choices)


def mentions(text: str, leaf: Leaf) -> bool:
    """True if a text states a value: literally, as a number, as a day or a time of day, each in any usual form."""
    match leaf.value:
        case bool() as switch:
            return _mentions_switch(text, leaf.path, switch)
        case int() | float() as number:
            return _mentions_number(text, float(number))
        case str() as value:
            return _mentions_text(text, value)
    return False  # an empty list or object that is not a default is nothing that one could ask for


def _mentions_switch(text: str, path: Sequence[str | int], switch: bool) -> bool:
    """True if the text says yes or no, or names the parameter (for a switch that is on)."""
    spoken = set(normalise(text).replace(".", " ").replace(",", " ").split())
    named = [word for step in path if isinstance(step, str) for word in identifier_words(step) if len(word) > 2]
    return bool(spoken & (_YES if switch else _NO)) or (switch and any(contains_words(text, word) for word in named))


def _mentions_number(text: str, number: float) -> bool:
    return any(abs(number - other) <= 1e-9 * max(1.0, abs(number)) for other in numbers_in(text))


def _mentions_text(text: str, value: str) -> bool:
    value = value.strip()
    if len(value) < 2:
        return _mentions_character(text, value)
    if (number := _number(value)) is not None:
        return _mentions_number(text, number)
    if contains_words(text, value):
        return True
    if day := parse_day(value):
        return day in days_in(text)
    if moment := parse_moment(value):
        day, time = moment
        return time in times_in(text) and (day is None or day in days_in(text))
    return False


def _mentions_character(text: str, value: str) -> bool:
    """True if the character is on its own in the text; in quotes, if it could be a word."""
    if not value:
        return False
    bare = "" if value in "aAI" else rf"|(?<!\w){re.escape(value)}(?!\w)"
    return re.search(rf"[\"'`]{re.escape(value)}[\"'`]{bare}", straighten(text)) is not None


def _number(value: str) -> float | None:
    """The number that a text states; None for any other text, and for one with leading zeros: `007` is not 7."""
    return float(value) if _NUMBER.fullmatch(value) else None


_NUMBER = re.compile(r"[-+]?(?:0|[1-9]\d{0,30})(?:\.\d{1,30})?")


_UNSET = object()


def _equals(value: Json, other: object) -> bool:
    return other is not _UNSET and equal(value, other)


def _as_mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _resolve_alternatives(schema: Mapping[str, Json]) -> Mapping[str, Json]:
    """The schema with its only alternative that is not null merged in."""
    for word in ("anyOf", "oneOf"):
        options = schema.get(word)
        if isinstance(options, list):
            real = [option for option in options if isinstance(option, Mapping) and option.get("type") != "null"]
            if len(real) == 1:
                return {**real[0], **{key: value for key, value in schema.items() if key != word}}
    return schema
