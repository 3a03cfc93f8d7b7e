"""From the tree of blocks to the vertices of one flat graph, and the loop heads and branches between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from ste_graph.compile.channels import Channel, is_start_channel, output_channel, unit_channels
from ste_graph.compile.joins import Joins, find_joins
from ste_graph.contracts import Json
from ste_graph.diagnostics import Span
from ste_graph.language.blocks import Block, Map, NodeBlock, RecordBlock, Repeat, When, walk
from ste_graph.language.workflow import Workflow


@dataclass(frozen=True, slots=True)
class AtVertex:
    """Go on at a vertex."""

    id: str


@dataclass(frozen=True, slots=True)
class AtHead:
    """Go on at the head of a loop, which decides whether a pass begins."""

    loop: str


@dataclass(frozen=True, slots=True)
class AtBranch:
    """Go on at a `when`."""

    number: int


@dataclass(frozen=True, slots=True)
class AtEnd:
    """The unit is done."""


Target: TypeAlias = AtVertex | AtHead | AtBranch | AtEnd


@dataclass(frozen=True, slots=True)
class Vertex:
    """One vertex of the graph: all occurrences of a node that go on at the same place, or one `record`."""

    id: str
    block: NodeBlock | RecordBlock
    """The first occurrence in reading order."""
    occurrences: tuple[tuple[str, ...], ...]
    """The loops around each occurrence, outermost first; occurrences in reading order."""
    loops: tuple[str, ...]
    """The loops around any occurrence, in reading order: a loop comes after those around it."""
    spans: tuple[Span, ...]
    """The lines of the occurrences, in reading order."""
    then: Target


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a loop. It is not a vertex: whatever leads to it looks at the loop's counter and goes on at once."""

    block: Repeat | Map
    around: tuple[str, ...]
    enter: Target
    leave: Target


@dataclass(frozen=True, slots=True)
class Branch:
    """A `when`, which is not a vertex either."""

    block: When
    around: tuple[str, ...]
    do: Target
    otherwise: Target


@dataclass(frozen=True)
class Flow:
    """A unit's graph: its start, and the target of each vertex, head and branch."""

    workflow: Workflow
    start: Target
    vertices: Mapping[str, Vertex]
    heads: Mapping[str, Head]
    branches: Mapping[int, Branch]

    @cached_property
    def channels(self) -> Mapping[str, Channel]:
        """Every channel of the state, by name."""
        return unit_channels(self.workflow)

    @cached_property
    def start_channels(self) -> Sequence[str]:
        """The channels with the times at which passes around `record` blocks began."""
        return tuple(filter(is_start_channel, self.channels))

    @cached_property
    def joins(self) -> Joins:
        """Every `each` of the `record` blocks."""
        return find_joins(self.workflow)

    @cached_property
    def outputs(self) -> Mapping[str, Mapping[str, str]]:
        """The channel of each output, per node and output."""
        return {
            name: {field: output_channel(name, field) for field in node.outputs.model_fields}
            for name, node in self.workflow.nodes.items()
        }

    @cached_property
    def pass_channels(self) -> Mapping[str, tuple[str, ...]]:
        """The channels that a new pass of each loop empties: those that live in it or in a loop inside."""
        return {
            loop: tuple(
                name
                for name, channel in self.channels.items()
                if channel.lives == loop or (channel.lives in self.heads and loop in self.heads[channel.lives].around)
            )
            for loop in self.heads
        }

    def initial_state(self, item: Json) -> dict[str, Json]:
        """The state in which a unit begins, before any loop is entered."""
        return {name: channel.initial for name, channel in self.channels.items()} | {self.workflow.unit: item}


class FlowBuilder:
    """Builds a flow from the last block to the first, because a block's target must be known before it.

    Vertices are numbers until all are there, then they get names in reading order.
    """

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow
        self._vertices: dict[tuple[str, Target], str] = {}
        self._occurrences: list[tuple[str, NodeBlock | RecordBlock, tuple[str, ...], Target]] = []
        self._heads: dict[str, Head] = {}
        self._branches: dict[int, Branch] = {}

    @classmethod
    def build(cls, workflow: Workflow) -> Flow:
        """The flow of one unit of a workflow."""
        return cls(workflow)._build()

    def _build(self) -> Flow:
        start = self._target(self._workflow.blocks, AtEnd(), ())
        names = self._names()

        def rename(target: Target) -> Target:
            return AtVertex(names[target.id]) if isinstance(target, AtVertex) else target

        heads = {
            loop: Head(head.block, head.around, rename(head.enter), rename(head.leave))
            for loop, head in reversed(self._heads.items())
        }
        branches = {
            number: Branch(branch.block, branch.around, rename(branch.do), rename(branch.otherwise))
            for number, branch in reversed(self._branches.items())
        }
        order = [block.name for block, _ in walk(self._workflow.blocks) if isinstance(block, Repeat | Map)]
        vertices = {}
        for number, name in names.items():
            found = [(block, around, then) for id, block, around, then in reversed(self._occurrences) if id == number]
            around_any = {loop for _, around, _ in found for loop in around}
            vertices[name] = Vertex(
                id=name,
                block=found[0][0],
                occurrences=tuple(around for _, around, _ in found),
                loops=tuple(loop for loop in order if loop in around_any),
                spans=tuple(block.span for block, _, _ in found),
                then=rename(found[0][2]),
            )
        return Flow(self._workflow, rename(start), vertices, heads, branches)

    def _target(self, blocks: Sequence[Block], then: Target, around: tuple[str, ...]) -> Target:
        """The target at which a sequence of blocks begins that leads to `then`."""
        for block in reversed(blocks):
            then = self._block(block, then, around)
        return then

    def _block(self, block: Block, then: Target, around: tuple[str, ...]) -> Target:
        match block:
            case NodeBlock(node=node) if node in self._workflow.off:
                return then
            case NodeBlock(node=node):
                return self._vertex(block, node, then, around)
            case RecordBlock(key=key):
                return self._vertex(block, f"record {key}", then, around)
            case When():
                otherwise = self._target(block.otherwise, then, around)
                do = self._target(block.do, then, around)
                number = len(self._branches)
                self._branches[number] = Branch(block, around, do, otherwise)
                return AtBranch(number)
            case Repeat(name=loop) | Map(name=loop):
                head = AtHead(loop)
                enter = self._target(block.do, head, (*around, loop))
                self._heads[loop] = Head(block, around, enter, then)
                return head

    def _vertex(self, block: NodeBlock | RecordBlock, name: str, then: Target, around: tuple[str, ...]) -> Target:
        id = self._vertices.setdefault((name, then), str(len(self._vertices)))
        self._occurrences.append((id, block, around, then))
        return AtVertex(id)

    def _names(self) -> dict[str, str]:
        """Numbers to names: the node's own name, then `name~2`, `name~3` … in reading order."""
        names: dict[str, str] = {}
        used: dict[str, int] = {}
        plain = {id: name for (name, _), id in self._vertices.items()}
        for id, *_ in reversed(self._occurrences):
            if id not in names:
                count = used[plain[id]] = used.get(plain[id], 0) + 1
                names[id] = plain[id] if count == 1 else f"{plain[id]}~{count}"
        return names
