"""The path language of `set`, `variants` and `--set`: dotted paths into a workflow file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Any, Final, TypeVar, cast, get_args

from pydantic import BaseModel

from ste_graph.diagnostics import Span
from ste_graph.language.sections.entries import WIRING, find, settings_shape
from ste_graph.language.sections.models import find_use, start_entry
from ste_graph.language.sections.schema import BLOCKS, Section, WorkflowShape
from ste_graph.language.sections.shape import keys_of
from ste_graph.language.source.files import default_run_name
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.source.tree import MappingNode, ScalarNode, SequenceNode, Step, Tree
from ste_graph.suggest import closest

CHANGEABLE: Final = frozenset(keys_of(WorkflowShape)) - {"dsl", "extends", "set", "variants"}
"""The sections that a path can begin with."""

Change = TypeVar("Change")

_NAMED: Final = ("map", "repeat", "run")
"""The blocks that a path reaches by name."""


def set_path(tree: MappingNode, path: str, value: Tree, span: Span, findings: Findings) -> MappingNode:
    """`tree` with another value at a path; unchanged if neither the file nor the schema has the path: an E305."""
    try:
        where = _Route(path.split("."), value).resolve(tree)
        return tree.with_value(*start_entry(tree, where, value))
    except NoSuchPathError as error:
        near = _legal_path(tree, error.suggestion, value)
        findings.error("E305", str(error), span, expected=error.expected, suggestion=near)
        return tree


def is_off(tree: MappingNode, path: str) -> bool:
    """True if the path leads below an entry that is turned off."""
    entry = tree.at(path.split(".")[:2])
    return path.count(".") > 1 and isinstance(entry, ScalarNode) and entry.value == "off"


def set_paths(tree: MappingNode, changes: Tree, owner: str, findings: Findings) -> MappingNode:
    """`tree` with every `path: value` line of `changes` applied."""
    if not isinstance(changes, MappingNode):
        findings.error("E304", f"`{owner}` must be a mapping", changes.span, expected="`path: value` lines")
        return tree
    for path, entry in order_changes(changes.entries.items(), lambda change: change[0]):
        tree = set_path(tree, path, entry.value, entry.key_span, findings)
    return tree


def order_changes(changes: Iterable[Change], path: Callable[[Change], str]) -> list[Change]:
    """Changes in their order, but each `use` before the other settings of its entry: it decides which are legal."""
    ordered: list[Change] = []
    for change in changes:
        entry, _, key = path(change).rpartition(".")
        settings = [index for index, other in enumerate(ordered) if path(other).startswith(f"{entry}.")]
        ordered.insert(settings[0] if key in ("use", "like") and settings else len(ordered), change)
    return ordered


class NoSuchPathError(LookupError):
    """A path that neither the file nor the schema has."""

    def __init__(self, message: str, expected: str, suggestion: list[str] | None = None) -> None:
        super().__init__(message)
        self.expected = expected
        self.suggestion = suggestion


def _legal_path(tree: MappingNode, parts: list[str] | None, value: Tree) -> str | None:
    """A path that exists: the suggested one, or the one that is suggested for it in turn."""
    if parts is None:
        return None
    try:
        _Route(parts, value).resolve(tree)
    except NoSuchPathError as error:
        return _legal_path(tree, error.suggestion, value)
    return ".".join(parts)


@dataclass(frozen=True, slots=True)
class _Route:
    """One path on its way into a tree; `value` is the new value."""

    parts: list[str]
    value: Tree

    def resolve(self, tree: MappingNode) -> list[Step]:
        """The keys and indices of the path. Raises `NoSuchPathError`."""
        head = self.parts[0]
        if head not in CHANGEABLE:
            raise self._no_such_section(tree)
        section = tree.entries[head].value if head in tree.entries else MappingNode({}, tree.span)
        if len(self.parts) == 1:
            return [head]
        if head == "graph":
            return [head, *self._resolve_block(section)]
        use = find_use(tree, self.parts[1]) if head == "models" else None
        return [head, *self._resolve_below(section, 1, use)]

    def _resolve_below(self, here: Tree, depth: int, use: str | None) -> list[Step]:
        """The keys below a depth; `use` is the kind of a model that has it from another one."""
        part, last = self.parts[depth], depth == len(self.parts) - 1
        if isinstance(here, SequenceNode):
            if not (part.isdecimal() and int(part) < len(here.items)):
                raise self._no_such_path(depth, [str(index) for index in range(len(here.items))])
            return [int(part), *([] if last else self._resolve_below(here.items[int(part)], depth + 1, use))]
        if not isinstance(here, MappingNode):
            above = ".".join(self.parts[:depth])
            value = "is off" if here.value == "off" else "is a single value"
            raise NoSuchPathError(f"unknown path `{'.'.join(self.parts)}`: `{above}` {value}", f"the path `{above}`")
        legal = self._legal_keys(here, depth, use)
        if part not in here.entries and legal is not None and part not in legal:
            raise self._no_such_path(depth, {*here.entries, *legal})
        if last or part not in here.entries:
            return [part, *self.parts[depth + 1 :]]
        return [part, *self._resolve_below(here.entries[part].value, depth + 1, use)]

    def _legal_keys(self, here: MappingNode, depth: int, use: str | None) -> Collection[str] | None:
        """The keys that may be added to a mapping at this depth; None if only its class knows them."""
        section = self.parts[0]
        if section not in WIRING:
            return _keys_of_section(section) if depth == 1 else ()
        if depth > 2:
            return None
        if depth == 1:
            is_entry = isinstance(self.value, MappingNode) and not {"use", "like"}.isdisjoint(self.value.entries)
            return [self.parts[1]] if len(self.parts) == 2 and is_entry else ()
        return _settings_of(cast(Section, section), here, use)

    def _resolve_block(self, graph: Tree) -> list[Step]:
        blocks = dict(_named_blocks(graph, ()))
        if self.parts[1] not in blocks:
            raise self._no_such_path(1, blocks)
        where, block = blocks[self.parts[1]]
        kind = next(kind for kind in _NAMED if kind in block.entries)
        legal = keys_of(BLOCKS[kind])
        if len(self.parts) == 2:
            whole = ".".join(self.parts)
            choices = one_of((f"{whole}.{key}" for key in legal), "")
            raise NoSuchPathError(f"`{whole}` is a whole block, not a value to change", choices)
        if self.parts[2] not in legal:
            raise self._no_such_path(2, legal)
        if kind == "run" and self.parts[2] == "with" and len(self.parts) > 3:
            return [*where, "with", ".".join(self.parts[3:])]
        if len(self.parts) > 3:
            raise self._no_such_path(3, ())
        return [*where, self.parts[2]]

    def _no_such_path(self, depth: int, choices: Collection[str]) -> NoSuchPathError:
        near = closest(self.parts[depth], choices)
        suggestion = [*self.parts[:depth], near, *self.parts[depth + 1 :]] if near else None
        message = f"unknown path `{'.'.join(self.parts)}`"
        if depth:
            message += f": `{'.'.join(self.parts[:depth])}` has no `{self.parts[depth]}`"
        return NoSuchPathError(message, one_of(choices, "a path that the file or the schema has"), suggestion)

    def _no_such_section(self, tree: MappingNode) -> NoSuchPathError:
        """The error for a path that begins with no section; a name of the file gets its full path suggested."""
        head, *rest = self.parts
        error = self._no_such_path(0, CHANGEABLE)
        paths = _full_paths(tree, with_blocks=bool(rest))
        if head not in paths and error.suggestion is not None:
            return error
        near = head if head in paths else closest(head, paths)
        return NoSuchPathError(str(error), error.expected, [*paths[near], *rest] if near else None)


def _full_paths(tree: MappingNode, *, with_blocks: bool) -> dict[str, list[str]]:
    """The path of each name in the file: of params first, then of blocks of the graph if wanted, then of entries."""
    paths: dict[str, list[str]] = {}
    for section in ("params", "graph", "nodes", "memory", "models", "data"):
        value = tree.at([section])
        blocks = dict(_named_blocks(value, ())) if with_blocks else {}
        names = blocks if section == "graph" else getattr(value, "entries", {})
        for name in names:
            paths.setdefault(name, [section, name])
    return paths


def _keys_of_section(section: str) -> list[str]:
    """The keys of a section with a shape of its own (`budget`, `cassette`); an empty list for all others."""
    annotation: Any = WorkflowShape.model_fields[section].annotation
    kinds = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    shapes = [kind for kind in kinds if isinstance(kind, type)]
    return next((keys_of(shape) for shape in shapes if issubclass(shape, BaseModel)), [])


def _settings_of(section: Section, entry: MappingNode, use: str | None) -> Collection[str] | None:
    """The settings of an entry's class, or of the class `use`; None if that is not known before plugins are loaded."""
    own = entry.entries.get("use")
    wiring = WIRING[section]
    try:
        cls = find(section, use or (str(own.value.to_plain()) if own else ""), {})
    except Exception:  # a plugin's class, or one whose import fails: the check of the entries reports it
        return None
    engine = [*(keys_of(wiring) if wiring else ("use",)), *(("like",) if section == "models" else ())]
    return {*engine, *keys_of(settings_shape(cls))}


def _named_blocks(
    tree: Tree | None, at: tuple[Step, ...]
) -> Iterator[tuple[str, tuple[tuple[Step, ...], MappingNode]]]:
    """Every loop and sub-workflow below a list of blocks: its name, its path and its block."""
    if isinstance(tree, SequenceNode):
        for index, item in enumerate(tree.items):
            yield from _named_blocks(item, (*at, index))
    elif isinstance(tree, MappingNode):
        for kind in _NAMED:
            name = tree.at(["name"]) or tree.at(["run"]) if kind == "run" else tree.at([kind])
            if isinstance(name, ScalarNode):
                yield default_run_name(str(name.value)) if kind == "run" else str(name.value), (at, tree)
        for branch in ("do", "else"):
            yield from _named_blocks(tree.at([branch]), (*at, branch))
