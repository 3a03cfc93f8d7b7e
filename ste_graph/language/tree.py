"""A document as an immutable tree that knows the place of every key and value."""

from __future__ import annotations

from collections import abc
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from ste_graph.contracts import Json
from ste_graph.language.diagnostics import Span

Step: TypeAlias = str | int
"""One step of a path: a key of a mapping, an index of a sequence."""


@dataclass(frozen=True, slots=True)
class _Value:
    """What all values of a document can do."""

    def at(self, path: abc.Sequence[Step]) -> Tree | None:
        """The value at a path, or None if there is none."""
        here: Tree | None = self  # type: ignore[assignment]  # the subclasses below are all there are
        for step in path:
            here = _child(here, step)
        return here

    def span_of(self, path: abc.Sequence[Step], key: bool = False) -> Span:
        """The place of the value at a path, or of its key; where it is not there, of the key that should hold it."""
        here: Tree = self  # type: ignore[assignment]
        place, key_place = here.span, here.span
        for step in path:
            child = _child(here, step)
            if child is None:
                return key_place
            place = child.span
            key_place = here.entries[step].key_span if isinstance(here, Mapping) and isinstance(step, str) else place
            here = child
        return key_place if key else place


@dataclass(frozen=True, slots=True)
class Scalar(_Value):
    """A text, number, bool or null.

    `offset` says where the value itself begins, counted from the span's column (1 behind a quote); it is None where
    the source spells the value differently, with escapes or on several lines.
    """

    value: str | int | float | bool | None
    span: Span = field(compare=False)
    offset: int | None = field(default=None, compare=False)

    def plain(self) -> Json:
        """The value as plain data."""
        return self.value

    def part(self, start: int, end: int) -> Span:
        """The place of the characters `start` to `end` of the value, as exactly as the source allows."""
        if self.offset is None:
            return self.span
        return replace(self.span, column=self.span.column + self.offset + start, length=max(1, end - start))


@dataclass(frozen=True, slots=True)
class Sequence(_Value):
    """Values in order."""

    items: tuple[Tree, ...]
    span: Span = field(compare=False)

    def plain(self) -> Json:
        """The values as a list of plain data."""
        return [item.plain() for item in self.items]


@dataclass(frozen=True, slots=True)
class Entry:
    """The value behind a key, and the place of the key."""

    key_span: Span = field(compare=False)
    value: Tree


@dataclass(frozen=True, slots=True)
class Mapping(_Value):
    """Values by key, in the order of the source."""

    entries: abc.Mapping[str, Entry] = field(hash=False)
    span: Span = field(compare=False)

    def plain(self) -> dict[str, Json]:
        """The values by key, as plain data."""
        return {key: entry.value.plain() for key, entry in self.entries.items()}

    def with_value(self, path: abc.Sequence[Step], tree: Tree) -> Mapping:
        """A copy with another value at a path; mappings on the way to a new key are made.

        Raises `KeyError` where a single value or an item that is not there stands in the way.
        """
        changed = _with(self, path, tree)
        if not isinstance(changed, Mapping):
            raise KeyError("the document itself cannot be replaced")
        return changed

    def without(self, path: abc.Sequence[Step]) -> Mapping:
        """A copy without the entry or item at a path. Raises `KeyError` if there is none."""
        *above, last = path
        holder = self.at(above)
        if holder is None or _child(holder, last) is None:
            raise KeyError(".".join(map(str, path)))
        if isinstance(holder, Mapping):
            rest: Tree = replace(holder, entries={key: entry for key, entry in holder.entries.items() if key != last})
        else:
            assert isinstance(holder, Sequence)
            rest = replace(holder, items=tuple(item for index, item in enumerate(holder.items) if index != last))
        return self.with_value(above, rest) if above else rest  # type: ignore[return-value]  # self is a Mapping


Tree: TypeAlias = Scalar | Sequence | Mapping


def tree_of(value: Json, span: Span) -> Tree:
    """Plain data as a tree all of which stands at one place."""
    match value:
        case abc.Mapping():
            return Mapping({key: Entry(span, tree_of(inner, span)) for key, inner in value.items()}, span)
        case list() | tuple():
            return Sequence(tuple(tree_of(item, span) for item in value), span)
    return Scalar(value, span)


def _child(tree: Tree | None, step: Step) -> Tree | None:
    if isinstance(tree, Mapping) and isinstance(step, str) and step in tree.entries:
        return tree.entries[step].value
    if isinstance(tree, Sequence) and isinstance(step, int) and 0 <= step < len(tree.items):
        return tree.items[step]
    return None


def _with(here: Tree | None, path: abc.Sequence[Step], tree: Tree) -> Tree:
    if not path:
        return tree
    step, *rest = path
    match here, step:
        case None, str():
            return Mapping({step: Entry(tree.span, _with(None, rest, tree))}, tree.span)
        case Mapping(entries=entries), str():
            old = entries.get(step)
            new = Entry(old.key_span if old else tree.span, _with(old.value if old else None, rest, tree))
            return replace(here, entries={**entries, step: new})
        case Sequence(items=items), int() if 0 <= step < len(items):
            changed = _with(items[step], rest, tree)
            return replace(here, items=(*items[:step], changed, *items[step + 1 :]))
    raise KeyError(step)
