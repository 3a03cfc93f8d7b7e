"""The edges of a drawn graph: the vertices that may follow each vertex, and the conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ste_graph.compile.flow import AtBranch, AtEnd, AtHead, AtVertex, Flow, Head, Target
from ste_graph.language.blocks import Map


@dataclass(frozen=True, slots=True)
class Edge:
    """From vertex to vertex (None: where the unit starts, or ends), with what an arrow says."""

    source: str | None
    target: str | None
    label: str


def list_edges(flow: Flow) -> list[Edge]:
    """Every edge that a unit may take, once. A loop is named where a further pass begins, or its first is in doubt.

    An edge without a label is left out where another one joins the same vertices: it would say nothing more.
    """
    found: dict[Edge, None] = {}
    sources: list[str | None] = [None]
    for source in sources:  # grows while it is walked
        vertex = flow.vertices[source] if source is not None else None
        for around in vertex.occurrences if vertex else [()]:
            for target, label in _reachable(flow, vertex.then if vertex else flow.start, around):
                found[Edge(source, target, label)] = None
                if target is not None and target not in sources:
                    sources.append(target)
    labelled = {(edge.source, edge.target) for edge in found if edge.label}
    return [edge for edge in found if edge.label or (edge.source, edge.target) not in labelled]


def _reachable(
    flow: Flow,
    target: Target,
    active: tuple[str, ...],
    labels: tuple[str, ...] = (),
    begun: frozenset[str] = frozenset(),
) -> Iterator[tuple[str | None, str]]:
    """The vertices that may come next, each with its label, while the loops `active` are entered.

    A loop in `begun` has begun a pass without a vertex: a second such pass would show nothing new.
    """
    match target:
        case AtEnd():
            yield None, ", ".join(labels)
        case AtVertex(id=vertex):
            yield vertex, ", ".join(labels)
        case AtBranch(number=number):
            branch = flow.branches[number]
            text = branch.block.condition.text
            yield from _reachable(flow, branch.do, active, (*labels, f"when {text}"), begun)
            yield from _reachable(flow, branch.otherwise, active, (*labels, f"unless {text}"), begun)
        case AtHead(loop=loop):
            head = flow.heads[loop]
            again = loop in active
            if head.block.bound and loop not in begun:
                named = (*labels, _loop_label(head)) if again or _may_skip(head) else labels
                yield from _reachable(flow, head.enter, (*head.around, loop), named, begun | {loop})
            if again or _may_skip(head):
                yield from _reachable(flow, head.leave, head.around, labels, begun)


def _loop_label(head: Head) -> str:
    """The label of a loop: its name, its condition, its bound."""
    block = head.block
    beside = "" if block.parallel is None else f", {block.parallel.width} side by side"
    if isinstance(block, Map):
        return f"{block.name}: each of {block.over.text}, at most {block.bound}{beside}"
    if block.condition is None:
        return f"{block.name}: {block.bound} {'time' if block.bound == 1 else 'times'}{beside}"
    return f"{block.name}: {block.test} {block.condition.text}, at most {block.bound}"


def _may_skip(head: Head) -> bool:
    """True if the loop may end before its first pass."""
    return not head.block.bound or isinstance(head.block, Map) or head.block.test == "while"
