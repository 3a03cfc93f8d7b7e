"""The plan: what a run can cost at most, known before it starts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from threading import Thread
from typing import Any

from ste_graph.compile.bounds import Bound, count_sub_workflow_runs, unit_bound
from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.language.workflow import UNIT, Workflow
from ste_graph.redaction import redact_errors
from ste_graph.run.units import opened_tools, starts_something, units_of, with_items
from ste_graph.tools.policy import SkippedTool


@dataclass(frozen=True, slots=True)
class Part:
    """A sub-workflow that one unit of the caller runs so often at most."""

    name: str
    times: int
    plan: Plan


@dataclass(frozen=True, slots=True)
class Plan:
    """Maxima. `units` is None where they are not known without starting something, or before an earlier run."""

    own: Bound
    """Of one unit, without its sub-workflows."""
    units: tuple[str, ...] | None
    skipped: tuple[SkippedTool, ...] = ()
    note: str | None = None
    """EndReason nothing would run, where that is so."""
    parts: tuple[Part, ...] = ()

    @property
    def per_unit(self) -> Bound | None:
        """Of one unit with all that it runs; None where a part's is not known yet."""
        found = self.own
        for part in self.parts:
            if (total := part.plan.total) is None:
                return None
            found += total * part.times
        return found

    @property
    def total(self) -> Bound | None:
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
            "parts": {part.name: {"times": part.times, **part.plan.to_json()} for part in self.parts},
        }


def _calls(bound: Bound | None, unknown: Json) -> Json:
    return {"model_calls": bound.model_calls, "tool_calls": bound.tool_calls} if bound else unknown


def plan(workflow: Workflow, *, tools: bool = True) -> Plan:
    """The plan of a run. Without `tools` no source of tools is opened, which would run its code.

    Raises `WorkflowError` if a source of tools cannot be opened.
    """
    bound, often = unit_bound(workflow), count_sub_workflow_runs(workflow)
    parts = tuple(
        Part(name, often[name], plan(sub.workflow, tools=tools)) for name, sub in workflow.sub_workflows.items()
    )
    if starts_something(workflow) or (workflow.tools and not tools):
        return Plan(bound, (UNIT,) if workflow.over is None else None, parts=parts)

    async def planned() -> Plan:
        async with opened_tools(workflow) as opened:
            try:
                found, skipped = units_of(with_items(workflow), opened)
            except WorkflowError as error:  # there will be units once tools are allowed, or the data are there
                over_tools = workflow.over is not None and workflow.over.over.text == "tools"
                units = () if over_tools else (UNIT,) if workflow.over is None else None
                return Plan(bound, units, note=str(error), parts=parts)
            return Plan(bound, tuple(unit.name for unit in found), tuple(skipped), parts=parts)

    with redact_errors(workflow.secrets):
        return _in_a_loop_of_its_own(planned())


def _in_a_loop_of_its_own(coroutine: Coroutine[Any, Any, Plan]) -> Plan:
    """Run a coroutine to its end, whether or not the caller stands inside an event loop."""
    found: list[Plan] = []
    faults: list[BaseException] = []

    def run() -> None:
        try:
            found.append(asyncio.run(coroutine))
        except BaseException as fault:
            faults.append(fault)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    for fault in faults:
        raise fault
    return found[0]
