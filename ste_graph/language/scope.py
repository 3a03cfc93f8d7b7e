"""Scope: how long a value is remembered, and at which places of the graph it is certainly there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ste_graph.language.blocks import Block, Map, NodeBlock, RecordBlock, Repeat, When, walk


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
    shared = [loops[0] for loops in zip(*occurrences, strict=False) if len(set(loops)) == 1]
    return shared[-1] if shared else unit


def occurrences(blocks: Sequence[Block]) -> dict[str, list[tuple[str, ...]]]:
    """Per node in the graph: the loops around each of its occurrences, outermost first."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for block, around in walk(blocks):
        if isinstance(block, NodeBlock):
            found.setdefault(block.node, []).append(around)
    return found


def loops_inside(blocks: Sequence[Block]) -> dict[str, set[str]]:
    """Per loop: itself and every loop inside it."""
    inside: dict[str, set[str]] = {}
    for block, around in walk(blocks):
        if isinstance(block, Repeat | Map):
            for loop in (*around, block.name):
                inside.setdefault(loop, set()).add(block.name)
    return inside


def places(blocks: Sequence[Block], lives: Mapping[str, str]) -> list[Place]:
    """Every place in reading order, by definite assignment on the tree of blocks. `lives`: each node's lifetime.

    A loop's body needs one visit only: a pass takes nothing away that was there before the loop but what the pass
    itself forgets.
    """
    inside = loops_inside(blocks)
    found: list[Place] = []

    def visit(block: Block, given: frozenset[str], around: tuple[str, ...]) -> frozenset[str]:
        match block:
            case NodeBlock(node=node):
                found.append(Place(block, around, given))
                return given | {node}
            case RecordBlock():
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


def seats_of(node: str, everywhere: Iterable[Place]) -> list[Place]:
    """The places at which a node stands."""
    return [place for place in everywhere if isinstance(place.block, NodeBlock) and place.block.node == node]
