"""A document as an immutable tree that knows the place of every key and value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from ste_graph.contracts import Json
from ste_graph.diagnostics import Span

Step: TypeAlias = str | int
"""One step of a path: a key of a mapping, an index of a sequence."""


@dataclass(frozen=True, slots=True)
class _TreeNode:
    """The methods that all values of a document share."""

    def at(self, path: Sequence[Step]) -> Tree | None:
        """The value at a path, or None if the document has no such path."""
        here: Tree | None = self  # type: ignore[assignment]  # the subclasses below are all there are
        for step in path:
            here = _child(here, step)
        return here

    def span_of(self, path: Sequence[Step], key: bool = False) -> Span:
        """The place of the value at a path, or of its key; for a missing path that of the key that should hold it."""
        here: Tree = self  # type: ignore[assignment]
        place, key_place = here.span, here.span
        for step in path:
            child = _child(here, step)
            if child is None:
                return key_place
            place = child.span
            is_key = isinstance(here, MappingNode) and isinstance(step, str)
            key_place = here.entries[step].key_span if is_key else place  # type: ignore[union-attr, index]
            here = child
        return key_place if key else place


@dataclass(frozen=True, slots=True)
class ScalarNode(_TreeNode):
    """A text, number, bool or null.

    `offset` says where the value itself begins, counted from the span's column (1 after a quote); it is None if the
    source spells the value differently, with escapes or on several lines.
    """

    value: str | int | float | bool | None
    span: Span = field(compare=False)
    offset: int | None = field(default=None, compare=False)

    def to_plain(self) -> Json:
        """The value as plain data."""
        return self.value

    def part_span(self, start: int, end: int) -> Span:
        """The place of the characters `start` to `end` of the value, as exactly as the source allows."""
        if self.offset is None:
            return self.span
        return replace(self.span, column=self.span.column + self.offset + start, length=max(1, end - start))


@dataclass(frozen=True, slots=True)
class SequenceNode(_TreeNode):
    """Values in order."""

    items: tuple[Tree, ...]
    span: Span = field(compare=False)

    def to_plain(self) -> Json:
        """The values as a list of plain data."""
        return [item.to_plain() for item in self.items]


@dataclass(frozen=True, slots=True)
class MappingEntry:
    """A value of a mapping, and the place of its key."""

    key_span: Span = field(compare=False)
    value: Tree


@dataclass(frozen=True, slots=True)
class MappingNode(_TreeNode):
    """Values by key, in the order of the source."""

    entries: Mapping[str, MappingEntry] = field(hash=False)
    span: Span = field(compare=False)

    def to_plain(self) -> dict[str, Json]:
        """The values by key, as plain data."""
        return {key: entry.value.to_plain() for key, entry in self.entries.items()}

    def with_value(self, path: Sequence[Step], tree: Tree) -> MappingNode:
        """A copy with another value at a path, and with new mappings on the way to a new key.

        Raises `KeyError` if a single value, or an item that does not exist, is on the way.
        """
        changed = _replace(self, path, tree)
        if not isinstance(changed, MappingNode):
            raise KeyError("the document itself cannot be replaced")
        return changed

    def without(self, path: Sequence[Step]) -> MappingNode:
        """A copy without the entry or item at a path. Raises `KeyError` for a path that does not exist."""
        *above, last = path
        holder = self.at(above)
        if holder is None or _child(holder, last) is None:
            raise KeyError(".".join(map(str, path)))
        if isinstance(holder, MappingNode):
            rest: Tree = replace(holder, entries={key: entry for key, entry in holder.entries.items() if key != last})
        else:
            assert isinstance(holder, SequenceNode)
            rest = replace(holder, items=tuple(item for index, item in enumerate(holder.items) if index != last))
        return self.with_value(above, rest) if above else rest  # type: ignore[return-value]  # self is a MappingNode


Tree: TypeAlias = ScalarNode | SequenceNode | MappingNode


def tree_from_plain(value: Json, span: Span) -> Tree:
    """Plain data as a tree, all of it at one place."""
    match value:
        case Mapping():
            return MappingNode(
                {key: MappingEntry(span, tree_from_plain(inner, span)) for key, inner in value.items()}, span
            )
        case list() | tuple():
            return SequenceNode(tuple(tree_from_plain(item, span) for item in value), span)
    return ScalarNode(value, span)


def _child(tree: Tree | None, step: Step) -> Tree | None:
    if isinstance(tree, MappingNode) and isinstance(step, str) and step in tree.entries:
        return tree.entries[step].value
    if isinstance(tree, SequenceNode) and isinstance(step, int) and 0 <= step < len(tree.items):
        return tree.items[step]
    return None


def _replace(here: Tree | None, path: Sequence[Step], tree: Tree) -> Tree:
    if not path:
        return tree
    step, *rest = path
    match here, step:
        case None, str():
            return MappingNode({step: MappingEntry(tree.span, _replace(None, rest, tree))}, tree.span)
        case MappingNode(entries=entries), str():
            old = entries.get(step)
            new = MappingEntry(old.key_span if old else tree.span, _replace(old.value if old else None, rest, tree))
            return replace(here, entries={**entries, step: new})
        case SequenceNode(items=items), int() if 0 <= step < len(items):
            changed = _replace(items[step], rest, tree)
            return replace(here, items=(*items[:step], changed, *items[step + 1 :]))
    raise KeyError(step)
