"""The driver of a run whose units are on a cluster: it sends them out, and sends them again when a worker is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

from ste_graph.cluster.pool import Actor, LostWorkerError, WorkerHandle
from ste_graph.cluster.services import RunServices, UnitServices
from ste_graph.cluster.shipment import Shipment
from ste_graph.cluster.wire import StartUnit, UnitKey
from ste_graph.errors import RunError, SteError, WorkflowError
from ste_graph.language.workflow import Workflow
from ste_graph.run.context import UnitGraph
from ste_graph.run.executor import AsyncioExecutor, RunUnit
from ste_graph.run.logs.events import Events
from ste_graph.run.logs.step_log import StepLog
from ste_graph.run.unit.unit_context import SharedContext
from ste_graph.run.units import Unit
from ste_graph.tools.fingerprint import fingerprint
from ste_graph.tools.toolbox import Tape, Toolbox

LOSSES: Final = 3
"""Workers that a unit may lose without finishing a step in between, the last one with no other unit on it."""

EXTRA: Final = 2
"""Units that run on a worker of their own at once."""

JOIN_S: Final = 10.0
"""Seconds for which the first worker of a run waits for the others."""

PATIENCE_S: Final = 120.0
"""Seconds for which a run without any worker waits for one."""


class LostUnitError(SteError):
    """A unit whose workers are lost again and again: it fails, the others go on."""


class Cluster(Protocol):
    """A set of workers, connected when it is first needed."""

    @property
    def name(self) -> str:
        """The cluster, for messages."""

    @property
    def sends_folder(self) -> bool:
        """True if the current folder is copied to the nodes."""

    @property
    def is_connected(self) -> bool:
        """True between `connect` and `disconnect`."""

    @property
    def cpus(self) -> int:
        """The CPUs of all nodes: so many workers are started."""

    async def connect(self, workflow: Workflow) -> None:
        """Connect, with what the nodes need for a workflow. Raises `RunError` if that is not possible."""

    async def disconnect(self) -> None:
        """Let go of the cluster."""

    def start_worker(self, *, extra: bool = False) -> Actor:
        """A worker on a CPU of the cluster, as soon as one is free; an `extra` one has no CPU of its own."""


class ClusterExecutor:
    """Runs units on the workers of a cluster (the contract `Executor`).

    The driver keeps logs, memories, models and budget; each worker runs the graph of its units and calls their tools.
    The cluster itself repeats nothing: a unit whose worker is lost is sent to another one with its log so far, as a
    resumed run takes it up. A unit that runs sub-workflows stays with the driver, and their units go to the cluster.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._workers: list[WorkerHandle] = []
        self._joining: set[asyncio.Task[None]] = set()
        self._shipments: dict[str, Shipment] = {}
        self._changed = asyncio.Condition()
        self._extra = asyncio.Semaphore(EXTRA)
        self._fault: SteError | None = None

    async def __aenter__(self) -> ClusterExecutor:
        return self

    async def __aexit__(self, *details: object) -> None:
        for task in self._joining:
            task.cancel()
        await asyncio.gather(*self._joining, return_exceptions=True)
        for worker in self._workers:
            await worker.close()
        await self._cluster.disconnect()

    @asynccontextmanager
    async def open(
        self, shared: SharedContext, graph: UnitGraph, *, events: Events, tape: Tape | None
    ) -> AsyncIterator[RunUnit]:
        workflow = shared.workflow
        if workflow.sub_workflows:
            async with AsyncioExecutor().open(shared, graph, events=events, tape=tape) as run_unit:
                yield run_unit
            return
        if shared.resetter is not None:
            raise WorkflowError(
                f"{workflow.file}: `reset:` brings back the tools of one process, and a cluster has many; "
                "run it without --executor"
            )
        if not self._cluster.is_connected:
            shared.run.watcher.message(f"starting workers: {self._cluster.name}")
            await self._cluster.connect(workflow)
        shipment = Shipment.of(shared, is_sent=self._cluster.sends_folder)
        self._shipments[shipment.run] = shipment
        try:
            await self._open_on_all(shipment)
            services = RunServices(shared, events, tape)
            yield _UnitsOnCluster(self, services, shipment.run).run_unit
        finally:
            del self._shipments[shipment.run]
            await self._close_on_all(shipment.run)

    async def pick(self) -> WorkerHandle:
        """The worker with the fewest units. Raises `RunError` if there is no worker, and none comes."""
        try:
            async with asyncio.timeout(PATIENCE_S), self._changed:
                await self._changed.wait_for(lambda: self._live or self._fault is not None)
        except TimeoutError:
            raise RunError(
                f"{self._cluster.name}: no worker is left, and for {PATIENCE_S:g} s none could be started; when the "
                "cluster has a free CPU again, the same command goes on from here"
            ) from None
        if self._fault is not None:
            raise self._fault
        return min(self._live, key=lambda worker: worker.load)

    def replace(self, lost: WorkerHandle) -> None:
        """Start another worker in place of one that is lost, once."""
        if lost in self._workers:
            self._workers.remove(lost)
            self._start()

    @asynccontextmanager
    async def open_extra(self, run: str) -> AsyncIterator[WorkerHandle]:
        """A worker for one unit alone, which may be what ends its workers: it takes no others along."""
        async with self._extra:
            worker = WorkerHandle(self._cluster.start_worker(extra=True))
            try:
                await worker.open_run(self._shipments[run])
                yield worker
            finally:
                await worker.close()

    @property
    def _live(self) -> list[WorkerHandle]:
        return [worker for worker in self._workers if not worker.is_lost]

    async def _open_on_all(self, shipment: Shipment) -> None:
        """Open a run on every worker; those that need longer than others join when they are ready."""
        missing = self._cluster.cpus - len(self._workers) - len(self._joining)
        for worker in self._live:
            try:
                await worker.open_run(shipment)
            except LostWorkerError:
                self.replace(worker)
        for _ in range(missing):
            self._start()
        if self._joining:
            await asyncio.wait(self._joining, return_when=asyncio.FIRST_COMPLETED)
        if self._joining:  # else the first worker would take all units
            await asyncio.wait(self._joining, timeout=JOIN_S)

    async def _close_on_all(self, run: str) -> None:
        for worker in self._live:
            try:
                await worker.actor.close_run(run)
            except LostWorkerError:
                continue

    def _start(self) -> None:
        task = asyncio.create_task(self._join())
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    async def _join(self) -> None:
        """Start a worker, and let it take part once it has opened the runs that are under way."""
        worker = WorkerHandle(self._cluster.start_worker())
        try:
            opened: set[str] = set()
            while left := [shipment for run, shipment in self._shipments.items() if run not in opened]:
                for shipment in left:
                    await worker.open_run(shipment)
                    opened.add(shipment.run)
            self._workers.append(worker)
        except LostWorkerError:
            await worker.close()
            await asyncio.sleep(1.0)
            self._start()
        except SteError as error:
            await worker.close()
            self._fault = error
        except asyncio.CancelledError:
            await worker.close()
            raise
        async with self._changed:
            self._changed.notify_all()


class _UnitsOnCluster:
    """Runs the units of one run."""

    def __init__(self, executor: ClusterExecutor, services: RunServices, run: str) -> None:
        self._executor = executor
        self._services = services
        self._shared = services.shared
        self._run = run

    async def run_unit(self, unit: Unit, log: StepLog, toolbox: Toolbox) -> None:
        """Run a unit to its end (the contract `RunUnit`), on as many workers as it takes."""
        key = UnitKey(self._run, unit.name)
        services = UnitServices(unit.name, log, toolbox, self._services)
        losses, steps = 0, 0
        while True:
            taken_up = StepLog(log.path)  # what is there now: an open log knows its later steps by their sums alone
            if len(taken_up.finished) > steps:
                losses, steps = 0, len(taken_up.finished)
            services.finished = taken_up.finished
            start = _start(key, unit, taken_up)
            try:
                if losses < LOSSES - 1:
                    faults = await self._run_on(await self._executor.pick(), start, services)
                else:
                    async with self._executor.open_extra(self._run) as worker:
                        faults = await self._run_on(worker, start, services)
            except LostWorkerError as error:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise asyncio.CancelledError from None
                losses += 1
                self._report_loss(unit.name, losses, error)
                continue
            toolbox.note_faults(faults)
            return

    async def _run_on(self, worker: WorkerHandle, start: StartUnit, services: UnitServices) -> tuple[str, ...]:
        """Run a unit on a worker. When cancelled, the unit comes to rest first."""
        try:
            faults, cancelled = await self._shared.pending.wait_for(
                worker.run_unit(start, services),
                has_started=lambda: True,
                on_wait=lambda: worker.stop_unit(start.key),
            )
        except LostWorkerError:
            self._executor.replace(worker)
            raise
        if cancelled is not None:
            raise cancelled
        return faults

    def _report_loss(self, unit: str, losses: int, error: LostWorkerError) -> None:
        """Tell of a lost worker. Raises `LostUnitError` if the unit seems to be the reason."""
        self._services.events.add("worker_lost", unit=unit, why=str(error))
        self._shared.run.watcher.message(f"the worker of `{unit}` is lost; the unit goes on from its log elsewhere")
        if losses == LOSSES:
            raise LostUnitError(
                f"its worker was lost {LOSSES} times in the same step, the last time with no other unit on it: a tool "
                f"or a node may end the process, or take more memory than there is ({error})"
            )


def _start(key: UnitKey, unit: Unit, log: StepLog) -> StartUnit:
    return StartUnit(
        key,
        unit.item,
        {tool.name: fingerprint(tool) for tool in unit.tools},
        str(log.path),
        log.finished,
        frozenset(log.started_calls),
        dict(log.answers),
    )
