"""The execution of a run: units side by side, each over its step log, until all are done or something stops them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from ste_graph.contracts import Entry, Json, RecordStore
from ste_graph.errors import BudgetSpent, RunError, SteError
from ste_graph.language.workflow import Workflow
from ste_graph.models.gateway import Gateway
from ste_graph.models.meter import Budget, Meter
from ste_graph.run.appending import LineFile
from ste_graph.run.clock import now
from ste_graph.run.folder import RunFolder
from ste_graph.run.guard import guarded
from ste_graph.run.journal import Journal
from ste_graph.run.lock import lock_content, refuse_if_changed, refuse_if_tools_changed
from ste_graph.run.step_log import Logged, StepLog
from ste_graph.run.summary import Summary, summary_of
from ste_graph.run.unit import Shared, UnitRun, entries_of, record_types
from ste_graph.run.units import Unit, opened_tools, policy_of, units_of
from ste_graph.run.watching import Watcher
from ste_graph.tools.toolbox import Toolbox

CONCURRENCY = 64
"""Model requests in flight at most, and units side by side, unless the caller says otherwise."""


async def execute(
    workflow: Workflow,
    out: Path,
    *,
    concurrency: int = CONCURRENCY,
    watcher: Watcher | None = None,
    stop: asyncio.Event | None = None,
    dry_run: bool = False,
) -> Summary:
    """Run a workflow in the folder `out`, or take up the run that is there. A finished run is only summed up.

    Setting `stop` ends the run cleanly: what was in flight is done again when the run is taken up.

    Raises:
        WorkflowError: the folder, the tools or the policy make the run impossible; nothing has been spent.
        RunError: the run could not go on (a model server that cannot be reached, a full disk).
    """
    watcher = watcher or Watcher()
    folder = RunFolder(out)
    new = not out.exists()
    folder.acquire()
    try:
        return await _Execution(workflow, folder, concurrency, watcher, stop, dry_run).run()
    finally:
        folder.release()
        if new and not folder.lock.exists():
            _remove_traces(out)


def _remove_traces(out: Path) -> None:
    """Leave no folder behind where no run began."""
    (out / ".writer").unlink(missing_ok=True)
    for empty in (out / "units", out):
        if empty.is_dir() and not any(empty.iterdir()):
            empty.rmdir()


class _Execution:
    def __init__(
        self,
        workflow: Workflow,
        folder: RunFolder,
        concurrency: int,
        watcher: Watcher,
        stop: asyncio.Event | None,
        dry_run: bool,
    ) -> None:
        self.workflow = workflow
        self.folder = folder
        self.concurrency = concurrency
        self.watcher = watcher
        self.stop = stop or asyncio.Event()
        self.dry_run = dry_run
        self.logs: dict[str, StepLog] = {}
        self.labels = {
            name: workflow.models[name].label for spec in workflow.nodes.values() for name in spec.models.values()
        }

    async def run(self) -> Summary:
        locked = self.folder.read_lock()
        if locked is not None:
            refuse_if_changed(self.folder.path, locked, self.workflow, dry_run=self.dry_run)
            self.logs = {name: StepLog(self.folder.unit(name)) for name in locked["units"]}
            if all(log.done for log in self.logs.values()):
                Journal(self.folder.journal, self._records()).close()
                return self._summary(locked["skipped"])
        async with opened_tools(self.workflow) as tools:
            units, left_out = units_of(self.workflow, tools)
            if locked is None:
                locked = lock_content(self.workflow, units, left_out, self.labels, dry_run=self.dry_run)
                await self._probe()
                self.folder.write_lock(locked)
                self.logs = {unit.name: StepLog(self.folder.unit(unit.name)) for unit in units}
            else:
                refuse_if_tools_changed(self.folder.path, locked, units)
                await self._probe()
            return await self._run_units(units, locked["skipped"])

    async def _probe(self) -> None:
        """Ask every model whether it can be asked, before anything is spent."""
        self.watcher.said("asking whether the models can be reached")
        faults = await asyncio.gather(
            *(self.workflow.models[name].probe() for name in self.labels), return_exceptions=True
        )
        for name, fault in zip(self.labels, faults, strict=True):
            if isinstance(fault, SteError):
                raise RunError(f"{self.workflow.file}: model `{name}`: {fault}") from fault
            if isinstance(fault, BaseException):
                raise fault

    async def _run_units(self, units: list[Unit], left_out: Mapping[str, Json]) -> Summary:
        from ste_graph.compile.graph import compiled

        meter = Meter(Budget.model_validate(dict(self.workflow.budget)))
        for log in self.logs.values():
            used = log.used
            meter.replayed(model_calls=used.model_calls, tool_calls=used.tool_calls, usage=used.usage)
        events = LineFile(self.folder.events)
        journal = Journal(self.folder.journal, self._records())
        graph = compiled(self.workflow)
        stopped: BudgetSpent | None = None
        faults: dict[str, tuple[str, ...]] = {}
        async with AsyncExitStack() as stack:
            stack.callback(events.close)
            stack.callback(journal.close)
            for log in self.logs.values():
                stack.callback(log.close)
            models = await stack.enter_async_context(self._models(meter))
            stores = await stack.enter_async_context(self._stores())
            self.watcher.began(self.workflow, self.logs, meter)
            events.append({"event": "began", "at": now(), "units": len(units), "replayed": len(self._records())})
            shared = Shared(
                self.workflow, graph.flow, models, stores, meter, _Observer(self.watcher, journal)
            )
            seats = asyncio.Semaphore(max(1, self.concurrency))

            async def one(unit: Unit) -> None:
                nonlocal stopped
                log = self.logs[unit.name]
                async with seats:
                    toolbox = Toolbox(
                        [guarded(tool) for tool in unit.tools], policy_of(self.workflow), dry_run=self.dry_run
                    )
                    try:
                        await graph.run(unit.item, UnitRun(unit.name, unit.item, shared, log, toolbox))
                        if not log.done:
                            log.finish(now())
                            events.append({"event": "done", "at": now(), "unit": unit.name})
                    except BudgetSpent as spent:
                        stopped = spent
                    except RunError:
                        raise
                    except Exception as fault:
                        why = str(fault) if isinstance(fault, SteError) else f"{type(fault).__name__}: {fault}"
                        log.fail(why, now())
                        events.append({"event": "failed", "at": now(), "unit": unit.name, "why": why})
                    faults[unit.name] = toolbox.faults
                    self.watcher.ended(unit.name, log)

            interrupted = await self._side_by_side([one(unit) for unit in units if not self.logs[unit.name].done])
            summary = self._summary(left_out)
            summary.remarks = [said for unit in faults for said in faults[unit]]
            if interrupted:
                summary.stopped_by, summary.reason = "interrupt", "stopped by the user"
            elif stopped is not None:
                summary.stopped_by, summary.reason = "budget", str(stopped)
            events.append({"event": "stopped", "at": now(), "by": summary.stopped_by, "reason": summary.reason})
            return summary

    async def _side_by_side(self, jobs: list[object]) -> bool:
        """Run the jobs until all are done, or `stop` is set (then True). A fault of one ends all, and is raised."""
        tasks = [asyncio.ensure_future(job) for job in jobs]  # type: ignore[arg-type]
        waiting = asyncio.ensure_future(self.stop.wait())
        try:
            left: set[asyncio.Future[object]] = set(tasks)
            while left and not waiting.done():
                done, _ = await asyncio.wait({*left, waiting}, return_when=asyncio.FIRST_COMPLETED)
                left -= done
                for task in done - {waiting}:
                    task.result()
            return bool(left)
        finally:
            waiting.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(waiting, *tasks, return_exceptions=True)

    @asynccontextmanager
    async def _models(self, meter: Meter) -> AsyncIterator[dict[str, Gateway]]:
        in_flight = asyncio.Semaphore(max(1, self.concurrency))
        models = {
            name: Gateway(self.workflow.models[name], in_flight=in_flight, meter=meter) for name in self.labels
        }
        try:
            yield models
        finally:
            for model in models.values():
                await model.close()

    @asynccontextmanager
    async def _stores(self) -> AsyncIterator[dict[str, RecordStore]]:
        """The record memories, holding what the logs hold."""
        types = record_types(self.workflow)
        stores: dict[str, RecordStore] = {}
        try:
            for name, spec in self.workflow.memories.items():
                if spec.of is None:
                    continue
                self.watcher.said(f"opening the memory `{name}`")
                stores[name] = await asyncio.to_thread(spec.memory.open, name, self.folder.memory(name))
                entries: list[Entry] = [
                    entry
                    for log in self.logs.values()
                    for step in log.recorded
                    for memory, entry in entries_of(step, types)
                    if memory == name
                ]
                await stores[name].reconcile(entries)
            yield stores
        finally:
            for store in stores.values():
                await store.close()

    def _records(self) -> list[dict[str, Json]]:
        return [step.record for log in self.logs.values() for step in log.recorded if step.record]

    def _summary(self, left_out: Mapping[str, Json]) -> Summary:
        return summary_of(self.folder.path, self.logs, left_out, self.labels)


class _Observer:
    """Writes records to the journal, and tells the watcher."""

    def __init__(self, watcher: Watcher, journal: Journal) -> None:
        self.watcher = watcher
        self.journal = journal

    def step(self, unit: str, step: Logged, *, replayed: bool) -> None:
        if step.record is not None:
            self.journal.add(step.record)
        self.watcher.step(unit, step, replayed=replayed)
