"""A unit's graph, walked step by step without LangGraph: the same flow, where a second of start-up is too much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ste_graph.compile.flow import Flow, build_flow
from ste_graph.compile.joins import find_joins
from ste_graph.compile.stepper import StepKey, Stepper
from ste_graph.compile.transfer import transfer
from ste_graph.contracts import Json
from ste_graph.language.blocks import NodeBlock
from ste_graph.language.workflow import Workflow


@dataclass(frozen=True)
class WalkedGraph:
    """One unit's graph, as `CompiledGraph` runs it, for looking at workflows; a run that counts uses LangGraph."""

    flow: Flow

    async def run(self, item: Json, stepper: Stepper, *, channels: Sequence[str] | None = None) -> Mapping[str, Json]:
        """Walk one unit to its end and return its last state, or only `channels` of it."""
        joins = find_joins(self.flow.workflow)
        state: dict[str, Any] = self.flow.initial_state(item)
        moved = transfer(self.flow, self.flow.start, state)
        if moved.loop_ends:
            stepper.end_loops(StepKey("START"), moved.loop_ends)
        while moved.goto is not None:
            state |= moved.update
            vertex = self.flow.vertices[moved.goto]
            key = StepKey(vertex.id, tuple((loop, state[loop]) for loop in vertex.loops))
            given = await stepper.step(vertex, key, MappingProxyType(state))
            gathered = joins.gather(vertex.block.node, state, given) if isinstance(vertex.block, NodeBlock) else {}
            state |= {**given, **gathered}
            moved = transfer(self.flow, vertex.then, state)
            if moved.loop_ends:
                stepper.end_loops(key, moved.loop_ends)
        state |= moved.update
        return state if channels is None else {name: state[name] for name in channels}


def walk_workflow(workflow: Workflow) -> WalkedGraph:
    """The graph of one unit of a workflow, to be walked."""
    return WalkedGraph(build_flow(workflow))
