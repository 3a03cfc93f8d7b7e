"""The compiled graph: LangGraph's state graph over the vertices of one unit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, TypeAlias, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from ste_graph.compile.cost import max_unit_cost
from ste_graph.compile.flow import FlowBuilder, Vertex
from ste_graph.compile.stepper import StepKey, Stepper
from ste_graph.compile.transfer import Router, Transfer
from ste_graph.compile.waves import run_waves, waves_vertex
from ste_graph.contracts import Json
from ste_graph.language.blocks import RecordBlock
from ste_graph.language.workflow import Workflow

State: TypeAlias = dict[str, Json]
START_KEY = StepKey("START")
"""The key under which loops are reported that ended before the first vertex."""


@dataclass(frozen=True, slots=True)
class GraphContext:
    """The context of a run of the graph, in addition to its state."""

    stepper: Stepper
    entry: str | None = None
    """The vertex with which a pass begins that is run by itself; None: the beginning of a unit."""
    joined: bool = False
    """True: a superstep runs vertex after vertex until a record is made, since LangGraph takes as long for a superstep
    as a step takes. False: every vertex has a superstep of its own, for those who watch LangGraph."""


class CompiledGraph:
    """The graph of one unit: `await CompiledGraph(workflow).run(item, stepper)`, or `graph`, `start`, `limit` by hand.

    It keeps no state between runs and may run many units at once. LangGraph drops unknown channels, ends quietly on an
    unknown `goto`, fires a static edge next to a `Command`, and lets a state be changed in place. So the channels are
    checked here, `goto` comes from the flow alone, there are no static edges, and the state is handed out read-only.
    """

    def __init__(self, workflow: Workflow) -> None:
        self.flow = flow = FlowBuilder.build(workflow)
        self.limit = max_unit_cost(workflow).supersteps + 1
        """To be used as LangGraph's `recursion_limit`: the static bound of supersteps, and one."""
        schema = TypedDict("State", dict.fromkeys(flow.channels, Any))  # type: ignore[misc]
        graph: StateGraph[Any, GraphContext, Any, Any] = StateGraph(schema, context_schema=GraphContext)
        steps: dict[str, Any] = {vertex.id: partial(self._run_from, vertex) for vertex in flow.vertices.values()}
        for loop, head in flow.heads.items():
            if head.block.parallel is not None:
                steps[waves_vertex(loop)] = partial(self._run_waves, loop)
        for id, step in steps.items():
            graph.add_node(id, step, destinations=(*flow.vertices, END))
        graph.add_conditional_edges(START, self._find_first, {id: id for id in (*steps, END)})
        self.graph: CompiledStateGraph[Any, GraphContext, Any, Any] = graph.compile(name=workflow.name)

    def enter(self, item: Json) -> Transfer:
        """The transfer with which a unit begins."""
        return Router.transfer(self.flow, self.flow.start, self.flow.initial_state(item), in_waves=True)

    def start(self, item: Json) -> State:
        """The graph's input for a unit: every channel, with the loops around the first vertex already entered."""
        return {**self.flow.initial_state(item), **self.enter(item).update}

    async def run(self, item: Json, stepper: Stepper, *, channels: Sequence[str] | None = None) -> State:
        """Run one unit to its end and return its last state, or only `channels` of it, which is quicker.

        Raises whatever the stepper raises, and `ControlError`.
        """
        begun = self.enter(item)
        if begun.loop_ends:
            stepper.end_loops(START_KEY, begun.loop_ends)
        config: RunnableConfig = {"recursion_limit": self.limit}
        context = GraphContext(stepper, joined=True)
        state: State = await self.graph.ainvoke(self.start(item), config, context=context, output_keys=channels)
        return state

    def _find_first(self, state: State, runtime: Runtime[GraphContext]) -> str:
        """The vertex at which a unit begins, or a pass that is run by itself."""
        if runtime.context is not None and runtime.context.entry is not None:
            return runtime.context.entry
        missing = self.flow.channels.keys() - state.keys()
        if missing:
            raise ValueError(f"the input lacks {', '.join(sorted(missing))}: begin with `CompiledGraph.start(item)`")
        return _next_vertex(self.enter(state[self.flow.workflow.unit]))

    async def _run_from(self, vertex: Vertex, state: State, runtime: Runtime[GraphContext]) -> Command[str]:
        """Run a vertex, and those that follow it in the same superstep."""
        context = _require_context(runtime)
        now = state
        while True:
            moved = await self._run_vertex(vertex, now, context.stepper)
            now = {**now, **moved.update}
            if not context.joined or moved.goto is None or isinstance(vertex.block, RecordBlock):
                break
            vertex = self.flow.vertices[moved.goto]
            await asyncio.sleep(0)  # A step may never wait: others, and whoever stops the run, have their turn here.
        # Every channel that is written costs LangGraph time, and most outputs that may be None stay so.
        changed = {name: value for name, value in now.items() if value is not state[name]}
        return Command(update=changed, goto=_next_vertex(moved))

    async def _run_vertex(self, vertex: Vertex, state: State, stepper: Stepper) -> Transfer:
        key = StepKey(vertex.id, tuple((loop, state[loop]) for loop in vertex.loops))
        given = await stepper.step(vertex, key, MappingProxyType(state))
        self._check_outputs(vertex, given)
        moved = Router.advance(self.flow, vertex, state, given, in_waves=True)
        if moved.loop_ends:
            stepper.end_loops(key, moved.loop_ends)
        return moved

    async def _run_waves(self, loop: str, state: State, runtime: Runtime[GraphContext]) -> Command[str]:
        """Run the passes of a loop side by side: each is a run of the same graph."""
        context = _require_context(runtime)

        async def run_pass(begun: Transfer, state: Mapping[str, Json], stepper: Stepper) -> State:
            config: RunnableConfig = {"recursion_limit": self.limit}
            own = GraphContext(stepper, _next_vertex(begun), context.joined)
            last: State = await self.graph.ainvoke(dict(state), config, context=own)
            return last

        moved = await run_waves(self.flow, loop, state, context.stepper, run_pass)
        return Command(update=moved.update, goto=_next_vertex(moved))

    def _check_outputs(self, vertex: Vertex, given: Mapping[str, Json]) -> None:
        """Raise `ValueError` for what LangGraph would drop or keep without a word."""
        required, writable = self._channels[vertex.id]
        missing, unknown = required - given.keys(), given.keys() - writable
        if missing or unknown:
            faults = [
                f"{what} {', '.join(sorted(names))}"
                for what, names in (("lacks", missing), ("may not write", unknown))
                if names
            ]
            raise ValueError(f"vertex {vertex.id} {' and '.join(faults)}; it writes {', '.join(sorted(writable))}")

    @cached_property
    def _channels(self) -> Mapping[str, tuple[frozenset[str], frozenset[str]]]:
        """Per vertex: the channels that a step must write, and those that it may.

        It must write the outputs of its node: one that is left out would show an older pass's. It may write transcripts
        too, and when passes began.
        """
        workflow = self.flow.workflow
        starts = frozenset(self.flow.start_channels)
        transcripts = {name for name, memory in workflow.memories.items() if memory.of is None}
        found = {}
        for vertex in self.flow.vertices.values():
            if isinstance(vertex.block, RecordBlock):
                found[vertex.id] = frozenset[str](), starts | transcripts
            else:
                node = vertex.block.node
                outputs = frozenset(self.flow.outputs[node].values())
                found[vertex.id] = outputs, outputs | starts | (transcripts & {workflow.nodes[node].transcript})
        return found


def _require_context(runtime: Runtime[GraphContext]) -> GraphContext:
    if runtime.context is None:
        raise ValueError("the graph needs `context=GraphContext(stepper)`: nobody is there to run its steps")
    return runtime.context


def _next_vertex(moved: Transfer) -> str:
    if moved.waves is not None:
        return waves_vertex(moved.waves)
    return moved.goto or END
