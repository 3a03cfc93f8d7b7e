"""The plan: what a run can cost at most, known before it starts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from threading import Thread
from typing import Any

from ste_graph.compile.bounds import Bound
from ste_graph.compile.bounds import plan as bound_of
from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.language.workflow import Workflow
from ste_graph.redaction import no_secret_in_errors
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
    """The plan of a run. Without `tools` no source of tools is opened, which would run its code.

    Raises `WorkflowError` if a source of tools cannot be opened.
    """
    bound = bound_of(workflow)
    if starts_something(workflow) or (workflow.tools and not tools):
        return Plan(bound, None)

    async def planned() -> Plan:
        async with opened_tools(workflow) as opened:
            try:
                found, skipped = units_of(with_items(workflow), opened)
            except WorkflowError as error:  # there will be units once tools are allowed, or the data are there
                over_tools = workflow.over is not None and workflow.over.over.text == "tools"
                return Plan(bound, () if over_tools else None, note=str(error))
            return Plan(bound, tuple(unit.name for unit in found), tuple(skipped))

    with no_secret_in_errors(workflow.secrets):
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
