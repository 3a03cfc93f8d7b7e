"""The compiled graph: LangGraph's state graph over the vertices of one unit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, TypeAlias, TypedDict, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from ste_graph.compile.advance import advance
from ste_graph.compile.channels import start_channel
from ste_graph.compile.cost import max_unit_cost
from ste_graph.compile.flow import Flow, Vertex, build_flow
from ste_graph.compile.joins import Joins, find_joins
from ste_graph.compile.stepper import StepKey, Stepper
from ste_graph.compile.transfer import Transfer, transfer
from ste_graph.compile.waves import run_waves, waves_vertex
from ste_graph.contracts import Json
from ste_graph.language.blocks import RecordBlock, walk
from ste_graph.language.workflow import Workflow

State: TypeAlias = dict[str, Json]
START_KEY = StepKey("START")
"""The key under which loops are reported that ended before the first vertex."""


@dataclass(frozen=True, slots=True)
class GraphContext:
    """The context of a run of the graph, beside its state."""

    stepper: Stepper
    entry: str | None = None
    """The vertex with which a pass begins that is run by itself; None: the beginning of a unit."""
    joined: bool = False
    """True: a superstep runs vertex after vertex until a record is made, since LangGraph takes as long for a superstep
    as a step takes. False: every vertex has a superstep of its own, for those who watch LangGraph."""


@dataclass(frozen=True)
class CompiledGraph:
    """One unit's graph: `await compiled.run(item, stepper)`, or by hand with `graph`, `start` and `limit`."""

    flow: Flow
    graph: CompiledStateGraph[Any, GraphContext, Any, Any]
    limit: int
    """To be used as LangGraph's `recursion_limit`: the static bound of supersteps, and one."""

    def enter(self, item: Json) -> Transfer:
        """The transfer with which a unit begins."""
        return transfer(self.flow, self.flow.start, self.flow.initial_state(item), in_waves=True)

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


def compile_workflow(workflow: Workflow) -> CompiledGraph:
    """The graph of one unit of a workflow. It keeps no state between runs and may run many units at once."""
    unit_flow = build_flow(workflow)
    schema = TypedDict("State", dict.fromkeys(unit_flow.channels, Any))  # type: ignore[misc]
    graph: StateGraph[Any, GraphContext, Any, Any] = StateGraph(schema, context_schema=GraphContext)
    joins = find_joins(workflow)
    runners: dict[str, _VertexRunner] = {}
    for vertex in unit_flow.vertices.values():
        runners[vertex.id] = _VertexRunner(unit_flow, vertex, joins, runners)
        step: Any = runners[vertex.id]  # LangGraph's types know no state whose keys come from data
        graph.add_node(vertex.id, step, destinations=(*unit_flow.vertices, END))

    parallel = [head.block.name for head in unit_flow.heads.values() if head.block.parallel is not None]
    waves = [_WavesRunner(unit_flow, loop) for loop in parallel]
    for runner in waves:
        graph.add_node(waves_vertex(runner.loop), cast(Any, runner), destinations=(*unit_flow.vertices, END))

    def first(state: State, runtime: Runtime[GraphContext]) -> str:
        if runtime.context is not None and runtime.context.entry is not None:
            return runtime.context.entry
        missing = unit_flow.channels.keys() - state.keys()
        if missing:
            raise ValueError(f"the input lacks {', '.join(sorted(missing))}: begin with `CompiledGraph.start(item)`")
        initial = unit_flow.initial_state(state[workflow.unit])
        return _next_vertex(transfer(unit_flow, unit_flow.start, initial, in_waves=True))

    ids = (*unit_flow.vertices, *map(waves_vertex, parallel), END)
    graph.add_conditional_edges(START, first, {id: id for id in ids})
    compiled = CompiledGraph(unit_flow, graph.compile(name=workflow.name), max_unit_cost(workflow).supersteps + 1)
    for runner in waves:
        runner.compiled = compiled
    return compiled


def _next_vertex(moved: Transfer) -> str:
    if moved.waves is not None:
        return waves_vertex(moved.waves)
    return moved.goto or END


@dataclass
class _WavesRunner:
    """The function that LangGraph runs where the passes of a loop run side by side: each is a run of the same graph."""

    flow: Flow
    loop: str
    compiled: CompiledGraph | None = None

    async def __call__(self, state: State, runtime: Runtime[GraphContext]) -> Command[str]:
        if runtime.context is None:
            raise ValueError("the graph needs `context=GraphContext(stepper)`: nobody is there to run its steps")
        run_pass = partial(self.run_pass, runtime.context.joined)
        update, moved = await run_waves(self.flow, self.loop, state, runtime.context.stepper, run_pass)
        return Command(update=update | dict(moved.update), goto=_next_vertex(moved))

    async def run_pass(self, joined: bool, begun: Transfer, state: Mapping[str, Json], stepper: Stepper) -> State:
        assert self.compiled is not None
        config: RunnableConfig = {"recursion_limit": self.compiled.limit}
        context = GraphContext(stepper, _next_vertex(begun), joined)
        last: State = await self.compiled.graph.ainvoke(dict(state), config, context=context)
        return last


@dataclass(frozen=True)
class _VertexRunner:
    """The function that LangGraph runs at a vertex, and those that follow it in the same superstep.

    LangGraph drops unknown channels, ends quietly on an unknown `goto`, fires a static edge beside a `Command`, and
    lets a state be changed in place. So the channels are checked here, `goto` comes from the flow alone, there are no
    static edges, and the state is handed out read-only.
    """

    flow: Flow
    vertex: Vertex
    joins: Joins
    runners: Mapping[str, _VertexRunner]
    """Those of all vertices of the graph, by id."""

    async def __call__(self, state: State, runtime: Runtime[GraphContext]) -> Command[str]:
        context = runtime.context
        if context is None:
            raise ValueError("the graph needs `context=GraphContext(stepper)`: nobody is there to run its steps")
        now, runner = state, self
        while True:
            update, moved = await runner.run(now, context.stepper)
            now = {**now, **update}
            if not context.joined or moved.goto is None or isinstance(runner.vertex.block, RecordBlock):
                break
            runner = self.runners[moved.goto]
            await asyncio.sleep(0)  # A step may never wait: others, and whoever stops the run, have their turn here.
        # Every channel that is written costs LangGraph time, and most outputs that may be None stay so.
        changed = {name: value for name, value in now.items() if value is not state[name]}
        return Command(update=changed, goto=_next_vertex(moved))

    async def run(self, state: State, stepper: Stepper) -> tuple[State, Transfer]:
        """Run the vertex, and return what changes in the state and where control goes."""
        key = StepKey(self.vertex.id, tuple((loop, state[loop]) for loop in self.vertex.loops))
        given = await stepper.step(self.vertex, key, MappingProxyType(state))
        self.check_outputs(given)
        update, moved = advance(self.flow, self.joins, self.vertex, state, given, in_waves=True)
        if moved.loop_ends:
            stepper.end_loops(key, moved.loop_ends)
        return {**update, **moved.update}, moved

    def check_outputs(self, given: Mapping[str, Json]) -> None:
        """Raise `ValueError` for what LangGraph would drop or keep without a word."""
        missing = self.required_channels - given.keys()
        unknown = given.keys() - self.writable_channels
        if missing or unknown:
            faults = [
                f"{what} {', '.join(sorted(names))}"
                for what, names in (("lacks", missing), ("may not write", unknown))
                if names
            ]
            raise ValueError(
                f"vertex {self.vertex.id} {' and '.join(faults)}; it writes {', '.join(sorted(self.writable_channels))}"
            )

    @cached_property
    def required_channels(self) -> frozenset[str]:
        """The outputs of the vertex's node: a step that left one out would show an older pass's."""
        block = self.vertex.block
        if isinstance(block, RecordBlock):
            return frozenset()
        return frozenset(self.flow.outputs[block.node].values())

    @cached_property
    def writable_channels(self) -> frozenset[str]:
        """The channels that a step may change: outputs, transcripts, and when passes began."""
        workflow = self.flow.workflow
        starts = (start_channel(block.key) for block, _ in walk(workflow.blocks) if isinstance(block, RecordBlock))
        if isinstance(self.vertex.block, RecordBlock):
            transcripts = {name for name, memory in workflow.memories.items() if memory.of is None}
        else:
            transcript = workflow.nodes[self.vertex.block.node].transcript
            transcripts = {name for name in workflow.memories if name == transcript}
        return self.required_channels.union(starts, transcripts)
