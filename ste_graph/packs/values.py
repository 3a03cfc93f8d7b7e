"""The values of tools that a pack would give away: those in the arguments of calls, and those in answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ste_graph.contracts import Json
from ste_graph.packs.pack import ToolDefinition, ToolDescription
from ste_graph.text import count_noun

ANSWER = "answer"
SHOWN = 6
"""Values of one place that a list shows; the rest is counted."""

_LONG = 60


@dataclass(slots=True)
class PackData:
    """The content of a pack, as plain data: exemplars, lessons and cases as their records have them."""

    exemplars: list[dict[str, Any]] = field(default_factory=list)
    lessons: list[dict[str, Any]] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)
    guideline: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, ToolDescription] = field(default_factory=dict)
    definitions: dict[str, ToolDefinition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolValue:
    """A value with its place: a parameter of the tool, or a field of its answer."""

    tool: str
    place: str
    value: Json


def find_values(data: PackData) -> Iterator[ToolValue]:
    """Every value of a tool in a pack, as often as it is there."""
    for exemplar in data.exemplars:
        for call in exemplar["calls"]:
            if tool := call.get("action"):
                yield from _leaves(tool, "", call.get("arguments") or {})
                yield from _answer(tool, (call.get("observation") or {}).get("text"))
    for case in data.cases:
        gold = case["gold"]
        yield from _leaves(gold["tool"], "", gold["arguments"])
        yield from _answer(gold["tool"], case.get("reference"))
    for lesson in data.lessons:
        for written in (lesson["wrong"], lesson["right"]):
            if lesson["argument"] is not None and written is not None:
                yield from _leaves(lesson["tool"], lesson["argument"], _parse(written))


def list_values(data: PackData, *, whole: bool = False) -> list[str]:
    """The values by tool and place, a line each; without `whole` only the first of many."""
    places: dict[tuple[str, str], dict[str, None]] = {}
    for found in find_values(data):
        places.setdefault((found.tool, found.place), {})[_shorten(found.value, whole=whole)] = None
    lines = []
    for (tool, place), texts in sorted(places.items()):
        shown = list(texts) if whole else list(texts)[:SHOWN]
        more = f", and {len(texts) - len(shown)} more" if len(texts) > len(shown) else ""
        lines.append(f"{tool}, {place} ({count_noun(len(texts), 'value')}): {', '.join(shown)}{more}")
    return lines


def texts_of(value: Json) -> Iterator[str]:
    """Every text in plain data, keys included."""
    match value:
        case str():
            yield value
        case Mapping():
            for key, inner in value.items():
                yield str(key)
                yield from texts_of(inner)
        case list() | tuple():
            for inner in value:
                yield from texts_of(inner)


def _answer(tool: str, text: str | None) -> Iterator[ToolValue]:
    if text is None:
        return
    parsed = _parse(text)
    if isinstance(parsed, dict | list):
        yield from _leaves(tool, ANSWER, parsed)
    else:
        yield ToolValue(tool, ANSWER, text)


def _leaves(tool: str, place: str, value: Json) -> Iterator[ToolValue]:
    match value:
        case Mapping():
            for key, inner in value.items():
                yield from _leaves(tool, f"{place}.{key}" if place else str(key), inner)
        case Sequence() if not isinstance(value, str):
            for inner in value:
                yield from _leaves(tool, f"{place}[]", inner)
        case None:
            return
        case _:
            yield ToolValue(tool, place, value)


def _parse(text: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _shorten(value: Json, *, whole: bool) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if whole or len(text) <= _LONG else f"{text[: _LONG - 1]}…"
