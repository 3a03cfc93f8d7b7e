"""The plan of a run: the most that it can cost, known before it starts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ste_graph.compile.cost import Cost, count_sub_workflow_runs, max_unit_cost
from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.language.workflow import UNIT, Workflow
from ste_graph.redaction import redact_errors
from ste_graph.run.tools import open_tools, tools_need_start
from ste_graph.run.units import list_units, load_data
from ste_graph.tools.policy import SkippedTool


@dataclass(frozen=True, slots=True)
class SubWorkflowPlan:
    """A sub-workflow that one unit of the caller runs at most `times` times."""

    name: str
    times: int
    plan: Plan


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

    @property
    def per_unit(self) -> Cost | None:
        """Of one unit with all that it runs; None where a sub-workflow's is not known yet."""
        found = self.max_unit_cost
        for sub in self.sub_workflows:
            if (total := sub.plan.total) is None:
                return None
            found += total * sub.times
        return found

    @property
    def total(self) -> Cost | None:
        """Of all units; None where it is not known yet."""
        each = self.per_unit
        return None if each is None or self.units is None else each * len(self.units)

    def to_json(self) -> dict[str, Json]:
        """The plan for other programs; the keys are a promise."""
        return {
            "units": None if self.units is None else len(self.units),
            "per_unit": _calls(self.per_unit, {"model_calls": None, "tool_calls": None}),
            "total": _calls(self.total, None),
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
    bound, often = max_unit_cost(workflow), count_sub_workflow_runs(workflow)
    subs = tuple(
        SubWorkflowPlan(name, often[name], make_plan(sub.workflow, tools=tools))
        for name, sub in workflow.sub_workflows.items()
    )
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
            return Plan(bound, tuple(unit.name for unit in units), tuple(skipped), sub_workflows=subs)

    with redact_errors(workflow.secrets):
        return _run_in_own_loop(make())


def _run_in_own_loop(coroutine: Coroutine[Any, Any, Plan]) -> Plan:
    """Run a coroutine to its end, also where the caller is inside an event loop."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(asyncio.run, coroutine).result()
