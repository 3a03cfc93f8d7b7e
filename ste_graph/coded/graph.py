"""The graph of a coded workflow, compiled by LangGraph, as the engine runs it."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from ste_graph.coded.parts import Loop, RecordJoin
from ste_graph.coded.step import Step, Target
from ste_graph.coded.unit import CodedContext, CodedUnit
from ste_graph.compile.channels import Channel, each_channel, joined_channel, output_channel
from ste_graph.compile.flow import AtEnd, Flow, Head
from ste_graph.compile.joins import Join, Joins
from ste_graph.compile.stepper import Stepper
from ste_graph.contracts import Json
from ste_graph.diagnostics import Span
from ste_graph.grouping import group
from ste_graph.language.blocks import Each, Map, Repeat
from ste_graph.language.expressions.expression import Expression
from ste_graph.language.workflow import Workflow
from ste_graph.run.unit.unit_run import UnitRun


@dataclass(frozen=True)
class CodedFlow(Flow):
    """The engine's view of a graph that is code: its channels and its loops."""

    state: Mapping[str, Channel] = field(default_factory=dict)

    @property
    def channels(self) -> Mapping[str, Channel]:
        return self.state


@dataclass(frozen=True)
class CodedGraph:
    """The graph of one unit, as a run needs it (the contract `UnitGraph`)."""

    flow: CodedFlow
    graph: CompiledStateGraph[Any, CodedContext, Any, Any]
    first: Target
    joins: Joins
    span: Span

    async def run(self, item: Json, stepper: Stepper, *, channels: Sequence[str] | None = None) -> Mapping[str, Json]:
        """Run one unit to its end and return its last state, or only `channels` of it."""
        assert isinstance(stepper, UnitRun), "a coded graph is run by the engine"
        unit = CodedUnit(stepper.context, self.joins, self.span)
        begun = Step(CodedContext(unit, ""), "START", self.flow.initial_state(item))
        context = CodedContext(unit, begun.follow(self.first))
        state: Mapping[str, Json] = await self.graph.ainvoke(
            begun.state, {"recursion_limit": sys.maxsize}, context=context, output_keys=channels
        )  # every loop has a bound of its own
        return state


def make_flow(
    workflow: Workflow, names: Collection[str], lists: Collection[str], loops: Mapping[str, Loop], span: Span
) -> CodedFlow:
    """The engine's view of a graph with channels of these names, of which `lists` hold lists."""
    lives = {owner: name for name, loop in loops.items() for owner in loop.forgets}

    def life(name: str) -> str:
        plain = name.removesuffix(".joined")
        return lives.get(plain) or lives.get(name.split(".")[0], "")

    state = {name: Channel(list if name in lists else None, life(name)) for name in names}
    return CodedFlow(workflow, AtEnd(), {}, _heads(loops, span), {}, state)


def make_joins(joins: Sequence[RecordJoin], workflow: Workflow) -> Joins:
    """The joins of a workflow, by the nodes that they gather."""

    def fields(node: str | None) -> dict[str, str]:
        spec = workflow.nodes.get(node) if node else None
        return {name: output_channel(spec.name, name) for name in spec.outputs.model_fields} if spec else {}

    made = []
    for own in joins:
        each = Each(own.first, own.second)
        channels = each_channel(each, own.record), joined_channel(each, own.record)
        made.append((own, Join(*channels, fields(own.first), fields(own.second))))
    return Joins(
        group((own.first, join) for own, join in made),
        group((own.second, join) for own, join in made if own.second),
    )


def _heads(loops: Mapping[str, Loop], span: Span) -> dict[str, Head]:
    never = Expression("[]")
    return {
        name: Head(
            Map(name, never, (), 0, span) if loop.over_items else Repeat(name, (), 0, "times", None, span),
            loop.around,
            AtEnd(),
            AtEnd(),
        )
        for name, loop in loops.items()
    }
