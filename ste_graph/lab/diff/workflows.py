"""The differences between two workflows by their locks: graph, memories, nodes, settings, prompt files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Final, Literal, TypeAlias

from ste_graph.contracts import Json
from ste_graph.lab.diff.outline import outline

Part: TypeAlias = Literal["node", "memory", "loop", "edge"]
Change: TypeAlias = Literal["gone", "new", "changed", "swapped"]

_OTHERWISE: Final = frozenset({"graph", "nodes", "memory", "name", "about", "extends", "set", "plugins", "dsl"})
"""Sections that are compared in another way, or are not part of the behaviour of a run."""
OFF: Final = "off"


@dataclass(frozen=True, slots=True)
class GraphChange:
    """One difference of the graph: `detail` says what is otherwise."""

    part: Part
    name: str
    change: Change
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.change}: {self.part} {self.name}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A value that differs, by its path; None where a side does not have it."""

    path: str
    a: Json
    b: Json

    def __str__(self) -> str:
        return f"{self.path}: {_short(self.a)} → {_short(self.b)}"


@dataclass(frozen=True, slots=True)
class ShownPrompt:
    """A prompt that differs: where, and its lines on both sides; None where a side has no such prompt."""

    title: str
    a: list[str] | None
    b: list[str] | None


def graph_changes(a: Mapping[str, Json], b: Mapping[str, Json]) -> list[GraphChange]:
    """The nodes, memories and loops that differ between two locks."""
    first, second = a["workflow"], b["workflow"]
    sections: tuple[tuple[Part, str], ...] = (("node", "nodes"), ("memory", "memory"))
    found = [
        change
        for part, section in sections
        for change in _entry_changes(part, _entries(first, section), _entries(second, section))
    ]
    loops, others = dict(_loops(first["graph"], first)), dict(_loops(second["graph"], second))
    for name in {**loops, **others}:
        if loops.get(name) != others.get(name):
            found.append(_change("loop", name, loops.get(name), others.get(name)))
    return found


def outline_changes(a: Mapping[str, Json], b: Mapping[str, Json]) -> list[str]:
    """The outlines of both graphs, line by line, as far as they differ."""
    lines = unified_diff(outline(a["workflow"]), outline(b["workflow"]), n=2, lineterm="")
    return ["…" if line.startswith("@@") else line for line in list(lines)[2:]]


def setting_changes(a: Mapping[str, Json], b: Mapping[str, Json]) -> list[SettingChange]:
    """The settings outside of nodes and memories that differ, by path, and the code that does."""
    first, second = _settings(a), _settings(b)
    found = [
        SettingChange(path, own, other)
        for section in {**first, **second}
        for path, own, other in _differing(section, first.get(section), second.get(section))
    ]
    code, other = a.get("code") or {}, b.get("code") or {}
    for file in {**code, **other}:
        if code.get(file) != other.get(file):
            words = [None if known.get(file) is None else "its code" for known in (code, other)]
            both = None not in words
            found.append(SettingChange(file, words[0], "other code" if both else words[1]))
    return found


def prompt_changes(a: Mapping[str, Json], b: Mapping[str, Json]) -> list[ShownPrompt]:
    """The prompt files that differ, titled by the node and setting that name them."""
    first, second = a.get("prompts") or {}, b.get("prompts") or {}
    return [
        ShownPrompt(name, *(side[name].splitlines() if name in side else None for side in (first, second)))
        for name in {**first, **second}
        if first.get(name) != second.get(name)
    ]


def _entries(workflow: Mapping[str, Json], section: str) -> dict[str, Json]:
    """The entries of a section that are on."""
    return {name: value for name, value in (workflow.get(section) or {}).items() if value != OFF}


def _entry_changes(part: Part, a: Mapping[str, Json], b: Mapping[str, Json]) -> Iterator[GraphChange]:
    for name in {**a, **b}:
        if a.get(name) != b.get(name):
            yield _change(part, name, a.get(name), b.get(name))


def _change(part: Part, name: str, a: Json, b: Json) -> GraphChange:
    if a is None or b is None:
        return GraphChange(part, name, "new" if a is None else "gone")
    if not isinstance(a, Mapping) or not isinstance(b, Mapping):
        return GraphChange(part, name, "changed", f"{_short(a)} → {_short(b)}")
    if a.get("use") != b.get("use"):
        return GraphChange(part, name, "swapped", f"{a.get('use')} → {b.get('use')}")
    details = [f"{key} {_short(a.get(key))} → {_short(b.get(key))}" for key in {**a, **b} if a.get(key) != b.get(key)]
    return GraphChange(part, name, "changed", "; ".join(details))


def _loops(blocks: Json, workflow: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """The loops of a graph, each with its line of the outline."""
    for line in outline({**workflow, "graph": blocks}):
        words = line.strip().split(" ", 2)
        if words[0] in ("repeat", "map"):
            yield words[1].rstrip(","), line.strip().partition(words[1])[2].lstrip(", ")


def _settings(lock: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in lock["workflow"].items() if name not in _OTHERWISE}


def _differing(path: str, a: Json, b: Json) -> Iterator[tuple[str, Json, Json]]:
    """The values that differ, by path: as deep as both sides have something; lists of one length item by item."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in {**a, **b}:
            yield from _differing(f"{path}.{key}", a.get(key), b.get(key))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for number, (own, other) in enumerate(zip(a, b, strict=True)):
            yield from _differing(f"{path}.{number}", own, other)
    elif a != b:
        yield path, a, b


def _short(value: Json) -> str:
    text = "unset" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}…"
