"""The plan: what a run can cost at most, known before it starts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from threading import Thread
from typing import Any

from ste_graph.compile.bounds import Bound
from ste_graph.compile.bounds import plan as bound_of
from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.language.workflow import Workflow
from ste_graph.run.units import Skipped, opened_tools, starts_something, units_of, with_items


@dataclass(frozen=True, slots=True)
class Plan:
    """Maxima. `units` is None where the tools are not known without starting something."""

    per_unit: Bound
    units: tuple[str, ...] | None
    skipped: tuple[Skipped, ...] = ()
    note: str | None = None
    """Why nothing would run, where that is so."""

    def to_json(self) -> dict[str, Json]:
        """The plan for other programs; the keys are a promise."""
        each = {"model_calls": self.per_unit.model_calls, "tool_calls": self.per_unit.tool_calls}
        count = None if self.units is None else len(self.units)
        return {
            "units": count,
            "per_unit": each,
            "total": None if count is None else {name: value * count for name, value in each.items()},
            "unit_names": None if self.units is None else list(self.units),
            "skipped": {one.unit: {"effect": one.effect, "remedy": one.remedy} for one in self.skipped},
        }


def plan(workflow: Workflow, *, tools: bool = True) -> Plan:
    """The plan of a run. Without `tools` no source of tools is opened, which would run its code."""
    bound = bound_of(workflow)
    if starts_something(workflow) or (workflow.tools and not tools):
        return Plan(bound, None)

    async def units() -> Any:
        async with opened_tools(workflow) as opened:
            return units_of(with_items(workflow), opened)

    try:
        found, skipped = _in_a_loop_of_its_own(units())
    except WorkflowError as error:
        if workflow.over is None or workflow.over.over.text != "tools":
            if not workflow.data:
                raise
            return Plan(bound, None, note=str(error))
        return Plan(bound, (), note=str(error))
    return Plan(bound, tuple(unit.name for unit in found), tuple(skipped))


def _in_a_loop_of_its_own(coroutine: Any) -> Any:
    """Run a coroutine to its end, whether or not the caller stands inside an event loop."""
    result: list[Any] = []

    def run() -> None:
        try:
            result.append((True, asyncio.run(coroutine)))
        except BaseException as error:
            result.append((False, error))

    thread = Thread(target=run)
    thread.start()
    thread.join()
    fine, value = result[0]
    if not fine:
        raise value
    return value
