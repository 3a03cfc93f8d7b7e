"""The path language of `set`, `variants` and `--set`: dotted paths into a workflow file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Any, Final, cast, get_args

from pydantic import BaseModel

from ste_graph.language.diagnostics import Span
from ste_graph.language.entries import WIRING, find, settings_shape
from ste_graph.language.files import run_name
from ste_graph.language.findings import Findings, one_of
from ste_graph.language.schema import BLOCKS, Section, WorkflowShape
from ste_graph.language.shape import keys_of
from ste_graph.language.tree import Mapping, Scalar, Sequence, Step, Tree
from ste_graph.suggest import closest

CHANGEABLE: Final = frozenset(keys_of(WorkflowShape)) - {"dsl", "extends", "set", "variants"}
"""The sections that a path can begin with."""

_NAMED: Final = ("map", "repeat", "run")
"""The blocks that a path reaches by name."""


def with_path(tree: Mapping, path: str, value: Tree, span: Span, findings: Findings) -> Mapping:
    """`tree` with the value at a path replaced; unchanged if neither file nor schema has the path, as is reported."""
    try:
        return tree.with_value(_Route(path.split("."), value).into(tree), value)
    except NoSuchPathError as wrong:
        near = _legal_path(tree, wrong.suggestion, value)
        findings.error("E305", str(wrong), span, expected=wrong.expected, suggestion=near)
        return tree


def _legal_path(tree: Mapping, parts: list[str] | None, value: Tree) -> str | None:
    """A path that exists: the suggested one, or the one that is suggested for it in turn."""
    if parts is None:
        return None
    try:
        _Route(parts, value).into(tree)
    except NoSuchPathError as wrong:
        return _legal_path(tree, wrong.suggestion, value)
    return ".".join(parts)


def with_paths(tree: Mapping, changes: Tree, what: str, findings: Findings) -> Mapping:
    """`tree` with every `path: value` line of `changes` applied: first each `use`, which decides what else there is."""
    if not isinstance(changes, Mapping):
        findings.error("E304", f"`{what}` is not a mapping", changes.span, expected="`path: value` lines")
        return tree
    for path, entry in sorted(changes.entries.items(), key=lambda change: not change[0].endswith(".use")):
        tree = with_path(tree, path, entry.value, entry.key_span, findings)
    return tree


class NoSuchPathError(LookupError):
    """A path that neither the file nor the schema has."""

    def __init__(self, message: str, expected: str, suggestion: list[str] | None = None) -> None:
        super().__init__(message)
        self.expected = expected
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True)
class _Route:
    """One path on its way into a tree; `value` is what is to be put there."""

    parts: list[str]
    value: Tree

    def into(self, tree: Mapping) -> list[Step]:
        """The keys and indices that the path stands for. Raises `NoSuchPathError`."""
        head = self.parts[0]
        if head not in CHANGEABLE:
            raise self._none(0, CHANGEABLE)
        section = tree.entries[head].value if head in tree.entries else Mapping({}, tree.span)
        if len(self.parts) == 1:
            return [head]
        return [head, *(self._in_loop(section) if head == "graph" else self._below(section, 1))]

    def _below(self, here: Tree, depth: int) -> list[Step]:
        part, last = self.parts[depth], depth == len(self.parts) - 1
        if isinstance(here, Sequence):
            if not (part.isdecimal() and int(part) < len(here.items)):
                raise self._none(depth, [str(index) for index in range(len(here.items))])
            return [int(part), *([] if last else self._below(here.items[int(part)], depth + 1))]
        if not isinstance(here, Mapping):
            above = ".".join(self.parts[:depth])
            why = f"`{above}` is off" if here.value == "off" else f"`{above}` holds a single value"
            raise NoSuchPathError(f"no `{part}` to change at `{'.'.join(self.parts)}`", why)
        legal = self._legal(here, depth)
        if part not in here.entries and legal is not None and part not in legal:
            raise self._none(depth, {*here.entries, *legal})
        if last or part not in here.entries:
            return [part, *self.parts[depth + 1 :]]
        return [part, *self._below(here.entries[part].value, depth + 1)]

    def _legal(self, here: Mapping, depth: int) -> Collection[str] | None:
        """Keys that may be added to a mapping at this depth; None where only its class can say."""
        section = self.parts[0]
        if section not in WIRING:
            return _keys_of_section(section) if depth == 1 else ()
        if depth > 2:
            return None
        if depth == 1:
            fresh = len(self.parts) == 2 and isinstance(self.value, Mapping) and "use" in self.value.entries
            return [self.parts[1]] if fresh else ()
        return _settings_of(cast(Section, section), here)

    def _in_loop(self, graph: Tree) -> list[Step]:
        loops = dict(_loops(graph, ()))
        if self.parts[1] not in loops:
            raise self._none(1, loops)
        where, block = loops[self.parts[1]]
        kind = next(kind for kind in _NAMED if kind in block.entries)
        legal = keys_of(BLOCKS[kind])
        if len(self.parts) == 2:
            whole = ".".join(self.parts)
            raise NoSuchPathError(
                f"`{whole}` does not say what to change", one_of((f"{whole}.{key}" for key in legal), "")
            )
        if self.parts[2] not in legal:
            raise self._none(2, legal)
        if kind == "run" and self.parts[2] == "with" and len(self.parts) > 3:
            return [*where, "with", ".".join(self.parts[3:])]
        if len(self.parts) > 3:
            raise self._none(3, ())
        return [*where, self.parts[2]]

    def _none(self, depth: int, choices: Collection[str]) -> NoSuchPathError:
        near = closest(self.parts[depth], choices)
        suggestion = [*self.parts[:depth], near, *self.parts[depth + 1 :]] if near else None
        what = f"no `{self.parts[depth]}` to change at `{'.'.join(self.parts)}`"
        return NoSuchPathError(what, one_of(choices, "a path that the file or the schema has"), suggestion)


def _keys_of_section(section: str) -> list[str]:
    """The keys of a section with a shape of its own (`budget`, `cassette`); none for all others."""
    annotation: Any = WorkflowShape.model_fields[section].annotation
    kinds = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    shapes = [kind for kind in kinds if isinstance(kind, type)]
    return next((keys_of(shape) for shape in shapes if issubclass(shape, BaseModel)), [])


def _settings_of(section: Section, entry: Mapping) -> Collection[str] | None:
    """The settings that an entry's class has; None where the class is not known before plugins are loaded."""
    use = entry.entries.get("use")
    wiring = WIRING[section]
    try:
        cls = find(section, str(use.value.plain()) if use else "", {})
    except Exception:  # a plugin's class, or one whose import fails: the check of the whole will tell
        return None
    return {"use", *keys_of(settings_shape(cls)), *(wiring.model_fields if wiring else ())}


def _loops(tree: Tree | None, at: tuple[Step, ...]) -> Iterator[tuple[str, tuple[tuple[Step, ...], Mapping]]]:
    """Every loop and sub-workflow below a list of blocks: its name, its path and its block."""
    if isinstance(tree, Sequence):
        for index, item in enumerate(tree.items):
            yield from _loops(item, (*at, index))
    elif isinstance(tree, Mapping):
        for kind in _NAMED:
            name = tree.at(["name"]) or tree.at(["run"]) if kind == "run" else tree.at([kind])
            if isinstance(name, Scalar):
                yield run_name(str(name.value)) if kind == "run" else str(name.value), (at, tree)
        for branch in ("do", "else"):
            yield from _loops(tree.at([branch]), (*at, branch))
