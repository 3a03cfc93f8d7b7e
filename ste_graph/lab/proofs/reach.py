"""The survival of a value from the vertex that writes it to another that reads it, whatever the conditions say."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping

from ste_graph.compile.flow import AtBranch, AtEnd, AtHead, AtVertex, Flow, Target, Vertex
from ste_graph.language.blocks import Map, NodeBlock, RecordBlock, Repeat
from ste_graph.language.workflow import MemorySpec


def can_arrive(
    flow: Flow, writers: Iterable[Vertex], reader: str, forgotten_by: Collection[str], *, bounds: bool = True
) -> bool:
    """True if a way leads from one of `writers` to the node `reader` without a new pass of a loop in `forgotten_by`.

    Without `bounds`, a loop of one pass counts as one of several, as another value of its parameter would make it.
    """
    wanted = {vertex.id for vertex in vertices_of(flow, reader)}
    seen: set[tuple[Target, frozenset[str]]] = set()
    ahead = [(writer.then, frozenset(writer.loops)) for writer in writers]
    while ahead:
        target, inside = ahead.pop()
        if (target, inside) in seen:
            continue
        seen.add((target, inside))
        match target:
            case AtVertex(id=id) if id in wanted:
                return True
            case AtVertex(id=id):
                ahead.append((flow.vertices[id].then, inside))
            case AtBranch(number=number):
                branch = flow.branches[number]
                ahead += [(branch.do, inside), (branch.otherwise, inside)]
            case AtHead(loop=loop):
                head = flow.heads[loop]
                only_pass_done = bounds and loop in inside and count_in_turn(head.block) == 1
                if loop not in forgotten_by and not only_pass_done:
                    ahead.append((head.enter, inside | {loop}))
                ahead.append((head.leave, inside - {loop}))
            case AtEnd():
                pass
    return False


def count_in_turn(block: Repeat | Map) -> int | None:
    """The number of passes, or waves of them, in sequence: only from one to the next can something arrive."""
    if block.parallel is None or block.bound is None:
        return block.bound
    return min(block.bound, 1) if isinstance(block, Map) else math.ceil(block.bound / block.parallel.width)


def vertices_of(flow: Flow, node: str) -> list[Vertex]:
    """The vertices of a node."""
    return [each for each in flow.vertices.values() if isinstance(each.block, NodeBlock) and each.block.node == node]


def writers_of(flow: Flow, memory: MemorySpec) -> Iterator[Vertex]:
    """The vertices that put something into a memory: records of its type, or the nodes that talk in a transcript."""
    for vertex in flow.vertices.values():
        match vertex.block:
            case RecordBlock(record=record):
                if record == memory.of:
                    yield vertex
            case NodeBlock(node=node):
                if memory.of is None and flow.workflow.nodes[node].transcript == memory.name:
                    yield vertex


def loops_that_forget(flow: Flow, lives: str) -> set[str]:
    """The loops whose new pass empties what lives in `lives`: it and those around it; none for a whole unit."""
    return {lives, *flow.heads[lives].around} if lives in flow.heads else set()


def unreachable_reads(flow: Flow) -> Iterator[tuple[str, str, Mapping[str, tuple[int, int, int]], str]]:
    """The reads of prompts that can never get anything: the reader, the producer, the places, and the prompt's path."""
    workflow = flow.workflow
    for reader in workflow.nodes.values():
        for prompt in reader.prompts.values():
            for producer in prompt.roots:
                writers = vertices_of(flow, producer)
                if not writers or not vertices_of(flow, reader.name):
                    continue
                forgotten = loops_that_forget(flow, workflow.nodes[producer].lives)
                if not can_arrive(flow, writers, reader.name, forgotten):
                    spans = {name: at for name, at in prompt.name_spans.items() if name.split(".")[0] == producer}
                    yield reader.name, producer, spans, prompt.path
