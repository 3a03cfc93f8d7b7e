"""The compiled graph: LangGraph's state graph over the vertices of one unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeAlias, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from ste_graph.compile.bounds import plan
from ste_graph.compile.channels import began_channel
from ste_graph.compile.flow import Flow, Vertex, flow
from ste_graph.compile.joins import Joins, joins
from ste_graph.compile.stepper import StepKey, Stepper
from ste_graph.compile.transfer import Transfer, transfer
from ste_graph.contracts import Json
from ste_graph.language.blocks import NodeBlock, RecordBlock, walk
from ste_graph.language.workflow import Workflow

State: TypeAlias = dict[str, Json]
BEGIN = StepKey("START")
"""The key under which loops are reported that ended before the first vertex."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a run of the graph is given beside its state."""

    stepper: Stepper


@dataclass(frozen=True)
class Compiled:
    """One unit's graph: `await compiled.run(item, stepper)`, or by hand with `graph`, `start` and `limit`."""

    flow: Flow
    graph: CompiledStateGraph[Any, Context, Any, Any]
    limit: int
    """To be used as LangGraph's `recursion_limit`: the static bound of supersteps, and one."""

    def enter(self, item: Json) -> Transfer:
        """How a unit begins."""
        return transfer(self.flow, self.flow.start, self.flow.initial(item))

    def start(self, item: Json) -> State:
        """The graph's input for a unit: every channel, with the loops around the first vertex already entered."""
        return {**self.flow.initial(item), **self.enter(item).update}

    async def run(self, item: Json, stepper: Stepper, *, give: Sequence[str] | None = None) -> State:
        """Run one unit to its end, and give its last state, or of that only the channels `give`, which is quicker.

        Raises whatever the stepper raises, and `ControlError`.
        """
        begun = self.enter(item)
        if begun.ended:
            stepper.ended(BEGIN, begun.ended)
        state: State = await self.graph.ainvoke(
            self.start(item), context=Context(stepper), config={"recursion_limit": self.limit}, output_keys=give
        )
        return state


def compiled(workflow: Workflow) -> Compiled:
    """The graph of one unit of a workflow. It keeps no state between runs and may run many units at once."""
    unit_flow = flow(workflow)
    schema = TypedDict("State", dict.fromkeys(unit_flow.channels, Any))  # type: ignore[misc]
    graph: StateGraph[Any, Context, Any, Any] = StateGraph(schema, context_schema=Context)
    gathering = joins(workflow)
    for vertex in unit_flow.vertices.values():
        step: Any = _Step(unit_flow, vertex, gathering)  # LangGraph's types know no state whose keys come from data
        graph.add_node(vertex.id, step, destinations=(*unit_flow.vertices, END))

    def first(state: State) -> str:
        missing = unit_flow.channels.keys() - state.keys()
        if missing:
            raise ValueError(f"the input lacks {', '.join(sorted(missing))}: begin with `Compiled.start(item)`")
        begun = transfer(unit_flow, unit_flow.start, unit_flow.initial(state[workflow.unit]))
        return begun.goto or END

    graph.add_conditional_edges(START, first, {id: id for id in (*unit_flow.vertices, END)})
    return Compiled(unit_flow, graph.compile(name=workflow.name), plan(workflow).supersteps + 1)


@dataclass(frozen=True)
class _Step:
    """What LangGraph runs at a vertex.

    LangGraph drops unknown channels, ends quietly on an unknown `goto`, fires a static edge beside a `Command`, and
    lets a state be changed in place. So the channels are checked here, `goto` comes from the flow alone, there are no
    static edges, and the state is handed out read-only.
    """

    flow: Flow
    vertex: Vertex
    joins: Joins

    async def __call__(self, state: State, runtime: Runtime[Context]) -> Command[str]:
        if runtime.context is None:
            raise ValueError("the graph needs `context=Context(stepper)`: nobody is there to run its steps")
        stepper = runtime.context.stepper
        key = StepKey(self.vertex.id, tuple((loop, state[loop]) for loop in self.vertex.loops))
        given = await stepper.step(self.vertex, key, MappingProxyType(state))
        self.check(given)
        update = dict(given)
        if isinstance(self.vertex.block, NodeBlock):
            update |= self.joins.gathered(self.vertex.block.node, state, given)
        moved = transfer(self.flow, self.vertex.then, {**state, **update})
        if moved.ended:
            stepper.ended(key, moved.ended)
        # Every channel that is written costs LangGraph time, and most outputs that may be None stay so.
        changed = {name: value for name, value in (update | dict(moved.update)).items() if value is not state[name]}
        return Command(update=changed, goto=moved.goto or END)

    def check(self, given: Mapping[str, Json]) -> None:
        """Refuse what LangGraph would drop or keep without a word."""
        missing = self.owed - given.keys()
        unknown = given.keys() - self.writable
        if missing or unknown:
            faults = [
                f"{what} {', '.join(sorted(names))}"
                for what, names in (("lacks", missing), ("may not write", unknown))
                if names
            ]
            raise ValueError(
                f"vertex {self.vertex.id} {' and '.join(faults)}; it writes {', '.join(sorted(self.writable))}"
            )

    @cached_property
    def owed(self) -> frozenset[str]:
        """The outputs of the vertex's node: a step that left one out would show an older pass's."""
        block = self.vertex.block
        if isinstance(block, RecordBlock):
            return frozenset()
        return frozenset(self.flow.outputs[block.node].values())

    @cached_property
    def writable(self) -> frozenset[str]:
        """The channels that a step may change: outputs, transcripts, and when passes began."""
        workflow = self.flow.workflow
        began = {began_channel(block.key) for block, _ in walk(workflow.blocks) if isinstance(block, RecordBlock)}
        if isinstance(self.vertex.block, RecordBlock):
            return self.owed | began | {name for name, memory in workflow.memories.items() if memory.of is None}
        transcript = workflow.nodes[self.vertex.block.node].transcript
        return self.owed | began | ({transcript} & self.flow.channels.keys() if transcript else set())
