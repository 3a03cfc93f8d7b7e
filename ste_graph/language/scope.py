"""Scope: how long a value is remembered, and at which places of the graph it is certainly there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ste_graph.language.blocks import Block, Do, Keep, Map, Repeat, When, walk
from ste_graph.language.types import ANY, Type


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the graph: a block, the loops around it, and the nodes whose output is certainly there.

    For a loop, `given` is what its condition sees: before each pass for `while`, after it for `until`.
    """

    block: Block
    around: tuple[str, ...]
    given: frozenset[str]


def innermost_common(occurrences: Sequence[tuple[str, ...]], unit: str) -> str:
    """The innermost loop that holds all occurrences, or the unit."""
    common: tuple[str, ...] = occurrences[0] if occurrences else ()
    for around in occurrences[1:]:
        common = common[: next((i for i, pair in enumerate(zip(common, around, strict=False)) if pair[0] != pair[1]), len(around))]
    return common[-1] if common else unit


def occurrences(blocks: Sequence[Block]) -> dict[str, list[tuple[str, ...]]]:
    """Per node in the graph: the loops around each of its occurrences, outermost first."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for block, around in walk(blocks):
        if isinstance(block, Do):
            found.setdefault(block.node, []).append(around)
    return found


def nested(blocks: Sequence[Block]) -> dict[str, set[str]]:
    """Per loop: itself and every loop inside it."""
    inside: dict[str, set[str]] = {}
    for block, around in walk(blocks):
        if isinstance(block, Repeat | Map):
            for loop in (*around, block.name):
                inside.setdefault(loop, set()).add(block.name)
    return inside


def places(blocks: Sequence[Block], lives: Mapping[str, str]) -> list[Place]:
    """Definite assignment, on the tree of blocks: a loop's body needs one visit only, since a pass takes nothing
    away that was there before the loop but what the pass itself forgets."""
    inside = nested(blocks)
    found: list[Place] = []

    def visit(block: Block, given: frozenset[str], around: tuple[str, ...]) -> frozenset[str]:
        match block:
            case Do(node=node):
                found.append(Place(block, around, given))
                return given | {node}
            case Keep():
                found.append(Place(block, around, given))
                return given
            case When(do=do, otherwise=otherwise):
                found.append(Place(block, around, given))
                return sequence(do, given, around) & sequence(otherwise, given, around)
            case Repeat(name=name, do=do, bound=bound, test=test):
                if test != "until":
                    found.append(Place(block, around, given))
                after = loop(name, do, given, around)
                if test == "until":
                    found.append(Place(block, (*around, name), after))
                return after if test != "while" and bound > 0 else given
            case Map(name=name, do=do):
                found.append(Place(block, around, given))
                loop(name, do, given, around)
                return given

    def loop(name: str, do: Sequence[Block], given: frozenset[str], around: tuple[str, ...]) -> frozenset[str]:
        kept = frozenset(node for node in given if lives[node] not in inside[name])
        return sequence(do, kept, (*around, name))

    def sequence(do: Sequence[Block], given: frozenset[str], around: tuple[str, ...]) -> frozenset[str]:
        for block in do:
            given = visit(block, given, around)
        return given

    sequence(blocks, frozenset(), ())
    return found


class Names(Mapping[str, Type]):
    """The dotted names that can be read at one place. Below an `opened` name, everything can be read as `any`."""

    def __init__(self, types: Mapping[str, Type], opened: frozenset[str] = frozenset()) -> None:
        self._types = types
        self._opened = opened

    def __getitem__(self, name: str) -> Type:
        if name in self._types:
            return self._types[name]
        parts = name.split(".")
        if any(".".join(parts[:count]) in self._opened for count in range(1, len(parts) + 1)):
            return ANY
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)
