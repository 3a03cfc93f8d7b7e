"""The plan of a run: the most that it can cost, known before it starts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ste_graph.compile.cost import Cost, count_sub_workflow_runs, longest_chain_of_runs, max_unit_cost
from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.language.workflow import UNIT, SubWorkflowSpec, Workflow
from ste_graph.redaction import redact_errors
from ste_graph.run.tools import open_tools, tools_need_start
from ste_graph.run.units import list_kept_tools, list_units, load_data
from ste_graph.text import approximate_tokens
from ste_graph.tools.fingerprint import definition
from ste_graph.tools.policy import SkippedTool

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class SubWorkflowPlan:
    """A sub-workflow that one unit of the caller runs at most `times` times."""

    name: str
    times: int
    plan: Plan
    chain: int = 1
    """The number of these runs that wait for one another."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Maxima. `units` is None where they are not known without starting something, or before an earlier run."""

    max_unit_cost: Cost
    """Of one unit, without its sub-workflows."""
    units: tuple[str, ...] | None
    skipped: tuple[SkippedTool, ...] = ()
    note: str | None = None
    """The reason why nothing would run, where that is so."""
    sub_workflows: tuple[SubWorkflowPlan, ...] = ()
    most_units: int | None = None
    """The most units where `units` is not known, but a part before it in the same workflow bounds them."""
    definition_tokens: int | None = None
    """About how many tokens the definitions of the tools have; None where they are not known."""
    kept: tuple[str, ...] = ()
    """The tools that are no units, since a pack knows enough about them."""

    @property
    def unit_bound(self) -> int | None:
        """The most units that there will be; None where that is not known yet."""
        return self.most_units if self.units is None else len(self.units)

    @property
    def per_unit(self) -> Cost | None:
        """Of one unit with all that it runs; None where a sub-workflow's is not known yet."""
        found = self.max_unit_cost
        for sub in self.sub_workflows:
            if (total := sub.plan.total) is None:
                return None
            found += replace(total * sub.times, chain=total.chain * sub.chain)
        return found

    @property
    def total(self) -> Cost | None:
        """Of all units, which run side by side; None where it is not known yet."""
        each, count = self.per_unit, self.unit_bound
        return None if each is None or count is None else replace(each * count, chain=each.chain * min(count, 1))

    @property
    def chain(self) -> int | None:
        """The most model calls of which each waits for the one before it; None where it is not known yet."""
        known = self.total or self.per_unit
        return None if known is None else known.chain

    def to_json(self) -> dict[str, Json]:
        """The plan for other programs; the keys are a promise."""
        return {
            "units": None if self.units is None else len(self.units),
            "most_units": self.unit_bound,
            "per_unit": _calls(self.per_unit, {"model_calls": None, "tool_calls": None}),
            "total": _calls(self.total, None),
            "longest_chain": self.chain,
            "unit_names": None if self.units is None else list(self.units),
            "skipped": {tool.name: tool.to_json() for tool in self.skipped},
            "parts": {sub.name: {"times": sub.times, **sub.plan.to_json()} for sub in self.sub_workflows},
        }


def _calls(bound: Cost | None, unknown: Json) -> Json:
    return {"model_calls": bound.model_calls, "tool_calls": bound.tool_calls} if bound else unknown


def make_plan(workflow: Workflow, *, tools: bool = True) -> Plan:
    """Plan a run. Without `tools` no source of tools is opened, which would run its code.

    Raises `WorkflowError` if a source of tools cannot be opened.
    """
    bound = max_unit_cost(workflow)
    subs = _plan_parts(workflow, tools=tools)
    if tools_need_start(workflow) or (workflow.tools and not tools):
        return Plan(bound, (UNIT,) if workflow.unit_map is None else None, sub_workflows=subs)

    async def make() -> Plan:
        async with open_tools(workflow) as opened:
            try:
                units, skipped = list_units(load_data(workflow), opened)
            except WorkflowError as error:  # there will be units once tools are allowed, or the data are there
                over_tools = workflow.unit_map is not None and workflow.unit_map.over.text == "tools"
                names = () if over_tools else (UNIT,) if workflow.unit_map is None else None
                return Plan(bound, names, note=str(error), sub_workflows=subs)
            listed = tuple(unit.name for unit in units)
            tokens = sum(approximate_tokens(json.dumps(definition(tool))) for tool in opened) if opened else None
            kept = tuple(tool.name for tool in list_kept_tools(load_data(workflow), opened))
            return Plan(bound, listed, tuple(skipped), sub_workflows=subs, definition_tokens=tokens, kept=kept)

    with redact_errors(workflow.secrets):
        return run_in_own_loop(make())


def _plan_parts(workflow: Workflow, *, tools: bool) -> tuple[SubWorkflowPlan, ...]:
    """The plans of the sub-workflows: one that goes over what an earlier one makes has as many units at most."""
    plans: dict[str, Plan] = {}
    by_tool: dict[str, int] = {}
    kept: tuple[str, ...] = ()
    for name, sub in workflow.sub_workflows.items():
        plan = make_plan(sub.workflow, tools=tools)
        over = sub.workflow.unit_map.over.text if sub.workflow.unit_map else ""
        kept = kept or plan.kept
        if plan.units is None and (bound := _bound_by_tool(sub, over, by_tool, kept)) is not None:
            plan = replace(plan, most_units=bound)
        if plan.unit_bound is not None and (over == "tools" or plan.most_units is not None):
            costless = len(kept) if over == "tools" else _costless_units(sub, over, kept)
            by_tool[f"{name}.run"] = plan.unit_bound + costless
        plans[name] = plan
    often, chains = count_sub_workflow_runs(workflow), longest_chain_of_runs(workflow)
    return tuple(SubWorkflowPlan(name, often[name], plan, chains[name]) for name, plan in plans.items())


def _costless_units(sub: SubWorkflowSpec, over: str, kept: Sequence[str]) -> int:
    """The number of the tools that a pack is kept for that cost nothing in a part, as its data say."""
    count = getattr(sub.workflow.data.get(over.removeprefix("data.")), "count_costless", None)
    return count(kept) if count is not None and kept else 0


def _bound_by_tool(sub: SubWorkflowSpec, over: str, by_tool: Mapping[str, int], kept: Sequence[str]) -> int | None:
    """The most items of the data that a part goes over; None but where they are one for each tool of an earlier part.

    `by_tool` has the number of tools of each earlier part, by the name of its run. The tools of `kept` that cost
    nothing do not count.
    """
    source = sub.workflow.data.get(over.removeprefix("data."))
    if source is None or not getattr(source, "per_tool", False):
        return None
    runs = [expression.text for expression, _ in sub.deferred.get(f"{over}.run", ())]
    bound = by_tool.get(runs[0]) if runs else None
    bound = bound if bound is None else bound - _costless_units(sub, over, kept)
    most = sub.workflow.unit_map.bound if sub.workflow.unit_map else None
    return bound if bound is None or most is None else min(bound, most)


def run_in_own_loop(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end, also where the caller is inside an event loop."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(asyncio.run, coroutine).result()
