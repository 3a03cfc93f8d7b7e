"""Scope: the lifetime of a value, and the positions in the graph at which it is certainly available."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ste_graph.language.blocks import Block, Map, NodeBlock, RecordBlock, Repeat, When, walk


@dataclass(frozen=True, slots=True)
class Position:
    """One position in the graph: a block, the loops around it, and the nodes whose output is certainly available.

    For a loop, `available` is for its condition: before each pass for `while`, after it for `until`.
    """

    block: Block
    loops: tuple[str, ...]
    """The names of the loops around the block, outermost first."""
    available: frozenset[str]


def innermost_common_loop(occurrences: Sequence[tuple[str, ...]], unit: str) -> str:
    """The innermost loop that holds all occurrences, or the unit."""
    shared = [loops[0] for loops in zip(*occurrences, strict=False) if len(set(loops)) == 1]
    return shared[-1] if shared else unit


def loops_around_nodes(blocks: Sequence[Block]) -> dict[str, list[tuple[str, ...]]]:
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


def list_positions(blocks: Sequence[Block], lives: Mapping[str, str]) -> list[Position]:
    """Every position in reading order, by definite assignment on the tree of blocks. `lives`: each node's lifetime.

    A loop's body needs only one visit: a pass removes only forgotten outputs from those available before it.
    """
    inside = loops_inside(blocks)
    found: list[Position] = []

    def visit(block: Block, available: frozenset[str], around: tuple[str, ...]) -> frozenset[str]:
        match block:
            case NodeBlock(node=node):
                found.append(Position(block, around, available))
                return available | {node}
            case RecordBlock():
                found.append(Position(block, around, available))
                return available
            case When(do=do, otherwise=otherwise):
                found.append(Position(block, around, available))
                return visit_all(do, available, around) & visit_all(otherwise, available, around)
            case Repeat(name=name, do=do, bound=bound, test=test):
                if test != "until":
                    found.append(Position(block, around, available))
                after = visit_pass(name, do, available, around)
                if test == "until":
                    found.append(Position(block, (*around, name), after))
                return after if test != "while" and bound > 0 else available
            case Map(name=name, do=do):
                found.append(Position(block, around, available))
                visit_pass(name, do, available, around)
                return available

    def visit_pass(
        name: str, do: Sequence[Block], available: frozenset[str], around: tuple[str, ...]
    ) -> frozenset[str]:
        remembered = frozenset(node for node in available if lives[node] not in inside[name])
        return visit_all(do, remembered, (*around, name))

    def visit_all(do: Sequence[Block], available: frozenset[str], around: tuple[str, ...]) -> frozenset[str]:
        for block in do:
            available = visit(block, available, around)
        return available

    visit_all(blocks, frozenset(), ())
    return found


def positions_of(node: str, positions: Iterable[Position]) -> list[Position]:
    """The positions of a node."""
    return [position for position in positions if isinstance(position.block, NodeBlock) and position.block.node == node]
