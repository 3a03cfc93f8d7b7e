"""The picture of a workflow, in Mermaid, drawn from the tree of blocks.

LangGraph's own drawing merges edges that go back and knows neither bounds nor memories.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ste_graph.compile.edges import list_edges
from ste_graph.compile.flow import FlowBuilder, Vertex
from ste_graph.language.blocks import NodeBlock, RecordBlock
from ste_graph.language.workflow import VALUES, MemorySpec, SubWorkflowSpec, Workflow

# As the lexer of Mermaid 11.17 has it; `x` and `o` alone would belong to the arrow behind them.
_RESERVED = frozenset({
    "class", "classdef", "click", "default", "end", "flowchart", "graph", "href", "interpolate", "linkstyle", "o",
    "style", "subgraph", "x",
})  # fmt: skip
_ESCAPES = {ord(char): f"#{ord(char)};" for char in '#"&<>|`\\'}


class Flowchart:
    """One flowchart; the ids in it are unique over all workflows that are drawn."""

    def __init__(self, deep: bool) -> None:
        self._deep = deep
        self._taken: set[str] = set()

    @classmethod
    def draw(cls, workflow: Workflow, *, deep: bool = False) -> str:
        """A Mermaid flowchart: START, the nodes, the loops with their bounds, END, and next to them the memories.

        With `deep` each sub-workflow is drawn too, in a frame in the place of the node that runs it.
        """
        return "\n".join(["flowchart TD", *cls(deep)._lines(workflow)]) + "\n"

    def _lines(self, workflow: Workflow, prefix: str = "", indent: str = "  ") -> Iterator[str]:
        """The lines of one workflow; `prefix` keeps its ids apart from those of the workflows around it."""
        # No space may follow an id: Mermaid reads `call` with a space behind it as the start of a callback.
        unit = FlowBuilder.build(workflow)
        found = list_edges(unit)
        reached = {edge.target for edge in found}
        drawn = [vertex for vertex in unit.vertices.values() if vertex.id in reached]
        names = [*(vertex.id for vertex in drawn), *workflow.memories]
        ids = self._ids(prefix, [*names, "start!", "finish!", "memory!"])  # no name of a workflow has a `!`
        start = f"START: {workflow.unit_map.name}" if workflow.unit_map else "START"
        yield f"{indent}{ids['start!']}([{_quote(start)}]);"
        for vertex in drawn:
            yield from self._vertex_lines(vertex, workflow, ids[vertex.id], indent)
        yield f"{indent}{ids['finish!']}([{_quote('END')}]);"
        for edge in found:
            label = f"|{_quote(edge.label)}|" if edge.label else ""
            yield f"{indent}{ids[edge.source or 'start!']}-->{label}{ids[edge.target or 'finish!']};"
        if workflow.memories:
            yield f"{indent}subgraph {ids['memory!']}[{_quote('memory')}]"
            for memory in workflow.memories.values():
                yield f"{indent}  {ids[memory.name]}[({_quote(_description(memory))})];"
            yield f"{indent}end"
        for vertex in drawn:
            for source, arrow, target in _uses(vertex, workflow):
                yield f"{indent}{ids[source]}{arrow}{ids[target]};"

    def _vertex_lines(self, vertex: Vertex, workflow: Workflow, id: str, indent: str) -> Iterator[str]:
        title, sub = _quote(_title(vertex, workflow)), _sub(vertex, workflow)
        if sub is None:
            yield f"{indent}{id}[{title}];"
        elif not self._deep:
            yield f"{indent}{id}[[{title}]];"
        else:
            yield f"{indent}subgraph {id}[{title}]"
            yield from self._lines(sub.workflow, f"{id}_", f"{indent}  ")
            yield f"{indent}end"

    def _ids(self, prefix: str, names: Iterable[str]) -> dict[str, str]:
        """A Mermaid id for each name: the name itself where that is legal and free."""
        ids: dict[str, str] = {}
        for name in names:
            plain = prefix + re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
            legal = plain if plain[:1].isalpha() and plain.lower() not in _RESERVED else f"n_{plain}"
            taken = self._taken
            ids[name] = next(id for n in range(len(taken) + 1) if (id := f"{legal}_{n}" if n else legal) not in taken)
            taken.add(ids[name])
        return ids


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


def _quote(text: str) -> str:
    return '"' + " ".join(text.split()).translate(_ESCAPES) + '"'
