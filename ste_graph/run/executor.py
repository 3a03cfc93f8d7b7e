"""Executors: where the units of a run are run, in this process or elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from ste_graph.run.context import UnitGraph
from ste_graph.run.logs.events import Events
from ste_graph.run.logs.step_log import StepLog
from ste_graph.run.unit.unit_context import SharedContext, UnitContext
from ste_graph.run.unit.unit_run import UnitRun
from ste_graph.run.units import Unit
from ste_graph.tools.toolbox import Tape, Toolbox


class RunUnit(Protocol):
    """Runs one unit to its end, from where its log ends."""

    async def __call__(self, unit: Unit, log: StepLog, toolbox: Toolbox) -> None:
        """Run the unit. Raises what ended it before its end; when cancelled, returns as soon as the unit is at rest."""


class Executor(Protocol):
    """Runs the units of a run, and those of its sub-workflows; `run.context` has the default."""

    def open(
        self, shared: SharedContext, graph: UnitGraph, *, events: Events, tape: Tape | None
    ) -> AbstractAsyncContextManager[RunUnit]:
        """Open what runs the units of one workflow, until the end of the context."""


class AsyncioExecutor:
    """The `Executor` that runs all units side by side in this process, in one event loop."""

    @asynccontextmanager
    async def open(
        self, shared: SharedContext, graph: UnitGraph, *, events: Events, tape: Tape | None
    ) -> AsyncIterator[RunUnit]:
        async def run_unit(unit: Unit, log: StepLog, toolbox: Toolbox) -> None:
            unit_run = UnitRun(UnitContext(unit.name, log, toolbox, shared))
            await graph.run(unit.item, unit_run, channels=[shared.workflow.unit])

        yield run_unit
