"""The picture of a workflow, in Mermaid, drawn from the tree of blocks.

LangGraph's own drawing merges edges that go back and knows neither bounds nor memories.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ste_graph.compile.edges import list_edges
from ste_graph.compile.flow import Flow, Vertex, build_flow
from ste_graph.language.blocks import NodeBlock, RecordBlock
from ste_graph.language.workflow import VALUES, MemorySpec, SubWorkflowSpec, Workflow

# As the lexer of Mermaid 11.17 has it; `x` and `o` alone would belong to the arrow behind them.
_RESERVED = frozenset({
    "class", "classdef", "click", "default", "end", "flowchart", "graph", "href", "interpolate", "linkstyle", "o",
    "style", "subgraph", "x",
})  # fmt: skip
_ESCAPES = {ord(char): f"#{ord(char)};" for char in '#"&<>|`\\'}


def draw(workflow: Workflow) -> str:
    """A Mermaid flowchart: START, the nodes, the loops with their bounds, END, and beside them the memories."""
    return "\n".join(_lines(workflow, build_flow(workflow))) + "\n"


def _lines(workflow: Workflow, unit: Flow) -> Iterator[str]:
    # No space may follow an id: Mermaid reads `call` with a space behind it as the start of a callback.
    found = list_edges(unit)
    reached = {edge.target for edge in found}
    drawn = [vertex for vertex in unit.vertices.values() if vertex.id in reached]
    ids = _ids(
        [*(vertex.id for vertex in drawn), *workflow.memories, "start!", "finish!", "memory!"]
    )  # no name of a workflow has a `!`
    yield "flowchart TD"
    yield f"  {ids['start!']}([{_quote(f'START: {workflow.unit_map.name}' if workflow.unit_map else 'START')}]);"
    for vertex in drawn:
        title = _quote(_title(vertex, workflow))
        yield f"  {ids[vertex.id]}[[{title}]];" if _sub(vertex, workflow) else f"  {ids[vertex.id]}[{title}];"
    yield f"  {ids['finish!']}([{_quote('END')}]);"
    for edge in found:
        label = f"|{_quote(edge.label)}|" if edge.label else ""
        yield f"  {ids[edge.source or 'start!']}-->{label}{ids[edge.target or 'finish!']};"
    if workflow.memories:
        yield f"  subgraph {ids['memory!']}[{_quote('memory')}]"
        for memory in workflow.memories.values():
            yield f"    {ids[memory.name]}[({_quote(_description(memory))})];"
        yield "  end"
    for vertex in drawn:
        for source, arrow, target in _uses(vertex, workflow):
            yield f"  {ids[source]}{arrow}{ids[target]};"


def _uses(vertex: Vertex, workflow: Workflow) -> Iterator[tuple[str, str, str]]:
    """The arrows between a vertex and the memories that it touches."""
    if isinstance(vertex.block, RecordBlock):
        of = vertex.block.record
        yield from ((vertex.id, "-.->|keeps|", memory.name) for memory in workflow.memories.values() if memory.of == of)
        return
    spec = workflow.nodes[vertex.block.node]
    if spec.transcript is not None and spec.transcript in workflow.memories:
        yield vertex.id, "<-.->|talks|", spec.transcript
    for name in dict.fromkeys([*spec.memories, *filter(None, spec.recalls.values())]):
        if name in workflow.memories and name != spec.transcript:
            yield name, "-.->|sees|", vertex.id


def _title(vertex: Vertex, workflow: Workflow) -> str:
    if (sub := _sub(vertex, workflow)) is not None:
        return f"run: {sub.name}" if sub.name == sub.file.stem else f"run: {sub.name} ({sub.file.name})"
    return vertex.block.node if isinstance(vertex.block, NodeBlock) else f"record: {vertex.block.record}"


def _sub(vertex: Vertex, workflow: Workflow) -> SubWorkflowSpec | None:
    """The sub-workflow that a vertex runs; None for any other."""
    return workflow.sub_workflows.get(vertex.block.node) if isinstance(vertex.block, NodeBlock) else None


def _description(memory: MemorySpec) -> str:
    held = "messages" if memory.of is None else VALUES if memory.of == VALUES else f"{memory.of} records"
    return f"{memory.name}: {held}, lives: {memory.lives}"


def _ids(names: Iterable[str]) -> dict[str, str]:
    """A Mermaid id for each name: the name itself where that is legal and free."""
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        legal = plain if plain[:1].isalpha() and plain.lower() not in _RESERVED else f"n_{plain}"
        ids[name] = next(id for n in range(len(taken) + 1) if (id := f"{legal}_{n}" if n else legal) not in taken)
        taken.add(ids[name])
    return ids


def _quote(text: str) -> str:
    return '"' + " ".join(text.split()).translate(_ESCAPES) + '"'
