"""A worker: a process of the cluster that runs units, many side by side, in one event loop."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from ste_graph.cluster.remote import (
    Driver,
    RemoteAsker,
    RemoteEvents,
    RemoteLog,
    RemoteModel,
    RemoteSteps,
    RemoteStore,
    RemoteTape,
    RemoteTurns,
    RemoteValues,
    RemoteWatcher,
)
from ste_graph.cluster.shipment import Shipment
from ste_graph.cluster.wire import Fault, Line, Order, ServiceAnswer, ServiceCall, StartUnit, StopUnit, UnitKey
from ste_graph.contracts import Tool
from ste_graph.errors import RunError, SteError
from ste_graph.language.workflow import VALUES, Workflow
from ste_graph.models.chat.adaptation import Adaptations
from ste_graph.models.limiters import Limiters
from ste_graph.models.meter import Meter
from ste_graph.redaction import Redactor
from ste_graph.run.context import RunContext, UnitGraph
from ste_graph.run.costs import all_prices
from ste_graph.run.models import model_labels
from ste_graph.run.summary import Summary
from ste_graph.run.tools import open_tools, tool_policy
from ste_graph.run.unit.pending import PendingCalls
from ste_graph.run.unit.record_maker import RecordMaker
from ste_graph.run.unit.unit_context import SharedContext, UnitContext
from ste_graph.run.unit.unit_run import UnitRun
from ste_graph.run.unit.write_ahead import write_ahead
from ste_graph.text import count_noun
from ste_graph.tools.fingerprint import fingerprint
from ste_graph.tools.outages import Outages
from ste_graph.tools.toolbox import Toolbox


@dataclass(frozen=True, slots=True)
class _OpenRun:
    """A run on this worker: its workflow, its tools, and its compiled graph."""

    shipment: Shipment
    workflow: Workflow
    graph: UnitGraph
    tools: Mapping[str, Tool]
    outages: Outages
    stack: AsyncExitStack


@dataclass(slots=True)
class _RunningUnit:
    """A unit that runs here."""

    task: asyncio.Task[None]
    pending: PendingCalls


class Worker:
    """Runs units for a driver. Ray makes an actor of it; its methods raise nothing, so that Ray logs nothing."""

    def __init__(self) -> None:
        self._line = Line()
        self._runs: dict[str, _OpenRun] = {}
        self._units: dict[UnitKey, _RunningUnit] = {}

    async def open_run(self, shipment: Shipment) -> Fault | None:
        """Check the workflow of a run here, and open its tools; the fault if that is not possible."""
        if shipment.run in self._runs:
            return None
        stack = AsyncExitStack()
        try:
            workflow = shipment.open()
            tools = await stack.enter_async_context(open_tools(workflow))
            from ste_graph.compile.graph import CompiledGraph

            graph = CompiledGraph(workflow)
        except BaseException as error:
            await stack.aclose()
            if not _has_folder():
                # Ray may clear it away when another run ends, just as this worker starts: the driver starts another.
                os._exit(1)
            return Fault.of(_on_node(error))
        outages = Outages(tool_policy(workflow).unanswered)
        self._runs[shipment.run] = _OpenRun(
            shipment, workflow, graph, {tool.name: tool for tool in tools}, outages, stack
        )
        return None

    async def close_run(self, run: str) -> None:
        """Close the tools of a run."""
        if (opened := self._runs.pop(run, None)) is not None:
            await opened.stack.aclose()

    async def take(self) -> list[ServiceCall]:
        """The calls of units to the driver, as soon as there are some."""
        return await self._line.take()

    async def give(self, orders: Sequence[Order]) -> None:
        """Take answers of the driver, and start or stop units."""
        self._line.receive([order for order in orders if isinstance(order, ServiceAnswer)])
        for order in orders:
            match order:
                case StartUnit():
                    pending = PendingCalls()
                    task = asyncio.create_task(self._run_unit(order, pending))
                    self._units[order.key] = _RunningUnit(task, pending)
                case StopUnit(key, at_once) if (unit := self._units.get(key)) is not None:
                    if at_once:
                        unit.pending.give_up()
                    unit.task.cancel()

    async def _run_unit(self, start: StartUnit, pending: PendingCalls) -> None:
        fault: Fault | None = None
        faults: tuple[str, ...] = ()
        try:
            opened = self._runs[start.key.run]
            driver = Driver(self._line, start.key)
            toolbox = self._toolbox(start, opened, driver)
            try:
                log = RemoteLog(start, driver)
                context = UnitContext(start.key.unit, log, toolbox, _share(opened, driver, log, pending))
                await opened.graph.run(start.item, UnitRun(context), channels=[opened.workflow.unit])
            finally:
                faults = toolbox.faults
        except asyncio.CancelledError:
            pass  # the driver stopped it
        except BaseException as error:
            fault = Fault.of(error)
        self._units.pop(start.key, None)
        self._line.tell(start.key, "end_unit", fault, faults)

    def _toolbox(self, start: StartUnit, opened: _OpenRun, driver: Driver) -> Toolbox:
        """The tools of a unit. Raises `RunError` if they are not those that the driver has."""
        known = {name: fingerprint(opened.tools[name]) for name in start.tools if name in opened.tools}
        if wrong := [name for name, wanted in start.tools.items() if known.get(name) != wanted]:
            names = ", ".join(f"`{name}`" for name in wrong[:5])
            raise _on_node(
                RunError(
                    f"has not the same tools as the driver: {count_noun(len(wrong), 'tool')} missing or otherwise "
                    f"defined, {names}; the modules and servers of `tools:` must be the same on all nodes"
                )
            )
        workflow, replays = opened.workflow, opened.workflow.cassette
        return Toolbox(
            [write_ahead(opened.tools[name]) for name in start.tools],
            tool_policy(workflow),
            dry_run=opened.shipment.dry_run,
            redactor=Redactor(workflow.secrets),
            rate=RemoteTurns(driver),
            asker=RemoteAsker(driver),
            tape=RemoteTape(driver, is_replay=replays is not None and replays.mode == "replay")
            if opened.shipment.has_cassette
            else None,
            outages=opened.outages,
        )


def _share(opened: _OpenRun, driver: Driver, log: RemoteLog, pending: PendingCalls) -> SharedContext:
    """The services of the run, as the unit of this driver has them."""
    workflow, flow, shipment = opened.workflow, opened.graph.flow, opened.shipment
    labels, meter, prices = model_labels(workflow), Meter(), all_prices(workflow)
    context = RunContext(
        folder=Path(shipment.run),
        meter=meter,
        adaptations=Adaptations(),
        limiters=Limiters(),
        watcher=RemoteWatcher(driver),
        stop=asyncio.Event(),
        dry_run=shipment.dry_run,
        accept_changes=False,
        outermost=False,
    )
    return SharedContext(
        workflow=workflow,
        flow=flow,
        models={name: RemoteModel(name, label, driver, meter, prices) for name, label in labels.items()},
        stores={name: RemoteStore(name, reads, driver) for name, reads in shipment.memories.items()},
        value_stores={
            name: RemoteValues(name, driver) for name, spec in workflow.memories.items() if spec.of == VALUES
        },
        record_maker=RecordMaker(flow, labels),
        run=context,
        redactor=Redactor(workflow.secrets),
        steps=RemoteSteps(driver, log),
        events=RemoteEvents(driver),
        pending=pending,
        execute=_refuse_sub_workflow,
        protocols=shipment.protocols,
        prices=prices,
    )


async def _refuse_sub_workflow(workflow: Workflow, folder: Path, parent: RunContext, name: str) -> Summary:
    raise RunError(f"`{name}`: the driver of a run runs its sub-workflows")


def _has_folder() -> bool:
    """True if the current folder, the copy of the driver's, is still there."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _on_node(error: BaseException) -> RunError:
    """The error with the machine on which it was met."""
    text = str(error) if isinstance(error, SteError) else f"{type(error).__name__}: {error}"
    node = platform.node()
    if isinstance(error, RunError):
        return RunError(f"the worker on node {node} {text}")
    return RunError(f"the worker on node {node} cannot open what the run needs: {text}")
