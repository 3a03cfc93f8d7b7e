"""One unit of a coded workflow: the engine's, with inputs and records as the module's code gives them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ste_graph.compile.flow import AtEnd, Vertex
from ste_graph.compile.joins import Joins
from ste_graph.compile.stepper import StepKey
from ste_graph.contracts import Json
from ste_graph.diagnostics import Span
from ste_graph.language.blocks import NodeBlock, RecordBlock
from ste_graph.language.expressions.expression import Expression
from ste_graph.language.workflow import NodeSpec
from ste_graph.node import NodeInputs
from ste_graph.run.unit.unit_context import UnitContext
from ste_graph.run.unit.unit_run import UnitRun


@dataclass(frozen=True, slots=True)
class GivenValue:
    """A value of a record that the module has worked out; `names` are the nodes whose models had a part in it."""

    value: Json
    names: frozenset[str]

    def evaluate(self, lookup: Callable[[str], Json]) -> Json:
        """The value."""
        return self.value


class CodedUnit(UnitRun):
    """Runs the nodes of one unit and makes its records, or replays what its log says."""

    def __init__(self, context: UnitContext, joins: Joins, span: Span) -> None:
        super().__init__(context)
        self._joins = joins
        self._span = span
        self._inputs: Mapping[str, Json] = {}

    @property
    def data(self) -> Mapping[str, list[Json]]:
        """The items of each entry of `data`."""
        return self._context.shared.workflow.items

    @property
    def channels(self) -> Mapping[str, Any]:
        """The channels of the state, each with what it holds at first."""
        return self._context.shared.flow.channels

    def forgotten(self, loop: str) -> tuple[str, ...]:
        """The channels that a new pass of a loop empties."""
        return self._context.shared.flow.pass_channels[loop]

    async def run_node(
        self, node: str, key: StepKey, state: Mapping[str, Json], inputs: Mapping[str, Json]
    ) -> dict[str, Json]:
        """Run a node with these inputs and return what that changes in the state."""
        self._inputs = inputs
        given = dict(await self.step(self._vertex(NodeBlock(node, self._span), key), key, state))
        return given | self._joins.gather(node, state, given)

    async def make_record(
        self,
        type_name: str,
        key: StepKey,
        state: Mapping[str, Json],
        values: Mapping[str, Json],
        asked: Mapping[str, Collection[str]],
    ) -> dict[str, Json]:
        """Make a record of these values and return what that changes in the state.

        `asked` has, per value, the nodes whose models had a part in it.
        """
        given = {name: GivenValue(value, frozenset(asked.get(name, ()))) for name, value in values.items()}
        block_key = key.vertex.removeprefix("record ")
        block = RecordBlock(type_name, block_key, cast(Mapping[str, Expression], given), self._span)
        return dict(await self.step(self._vertex(block, key), key, state))

    def _vertex(self, block: NodeBlock | RecordBlock, key: StepKey) -> Vertex:
        loops = tuple(loop for loop, _ in key.counters)
        return Vertex(key.vertex, block, (loops,), loops, (self._span,), AtEnd())

    def _read_inputs(self, spec: NodeSpec, state: Mapping[str, Json]) -> NodeInputs:
        values: dict[str, Json] = dict.fromkeys(spec.cls.Inputs.model_fields)
        return spec.cls.Inputs(**copy_json({**values, **self._inputs}))


@dataclass(frozen=True, slots=True)
class CodedContext:
    """The context of the graph: the unit that it is run for, and the vertex at which that begins."""

    steps: CodedUnit
    entry: str


def copy_json(value: Any) -> Any:
    """A copy of plain data, so that no node can change the state."""
    if isinstance(value, dict):
        return {key: copy_json(inner) for key, inner in value.items()}
    return [copy_json(inner) for inner in value] if isinstance(value, list) else value
