"""A unit's graph, walked step by step without LangGraph: the same flow, where a second of start-up is too much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ste_graph.compile.flow import FlowBuilder
from ste_graph.compile.stepper import StepKey, Stepper
from ste_graph.compile.transfer import Router, Transfer
from ste_graph.compile.waves import run_waves
from ste_graph.contracts import Json
from ste_graph.language.workflow import Workflow


class WalkedGraph:
    """The graph of one unit, as `CompiledGraph` runs it, to look at workflows; a run that counts uses LangGraph."""

    def __init__(self, workflow: Workflow) -> None:
        self.flow = FlowBuilder.build(workflow)

    async def run(self, item: Json, stepper: Stepper, *, channels: Sequence[str] | None = None) -> Mapping[str, Json]:
        """Walk one unit to its end and return its last state, or only `channels` of it."""
        begun = Router.transfer(self.flow, self.flow.start, self.flow.initial_state(item), in_waves=True)
        if begun.loop_ends:
            stepper.end_loops(StepKey("START"), begun.loop_ends)
        state = await self._walk(begun, {**self.flow.initial_state(item), **begun.update}, stepper)
        return state if channels is None else {name: state[name] for name in channels}

    async def _walk(self, moved: Transfer, before: Mapping[str, Json], stepper: Stepper) -> Mapping[str, Json]:
        """Walk a unit, or one pass of a loop, from where it begins to its end; passes of a wave follow one another."""
        state: dict[str, Any] = dict(before)
        while True:
            if moved.waves is not None:
                moved = await run_waves(self.flow, moved.waves, state, stepper, self._walk, in_order=True)
            elif moved.goto is not None:
                vertex = self.flow.vertices[moved.goto]
                key = StepKey(vertex.id, tuple((loop, state[loop]) for loop in vertex.loops))
                given = await stepper.step(vertex, key, MappingProxyType(state))
                moved = Router.advance(self.flow, vertex, state, given, in_waves=True)
                if moved.loop_ends:
                    stepper.end_loops(key, moved.loop_ends)
            else:
                return state
            state |= moved.update
