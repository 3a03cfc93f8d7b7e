"""The execution of a run: units side by side, each over its step log, until all are done or something stops them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack, nullcontext, suppress
from dataclasses import replace
from pathlib import Path

from ste_graph.contracts import Json, RecordStore, Tool
from ste_graph.errors import BudgetSpentError, RunError, SteError, WorkflowError
from ste_graph.garbage import rare_collection
from ste_graph.ids import now
from ste_graph.language.workflow import CassetteSpec, Workflow
from ste_graph.models.chat.adaptation import Adaptations
from ste_graph.models.limiters import Limiters
from ste_graph.models.meter import Meter
from ste_graph.models.servers.servers import Servers
from ste_graph.redaction import Redactor, redact_errors
from ste_graph.run.cassettes.recording import Recording
from ste_graph.run.cassettes.replay import Replay
from ste_graph.run.concurrency import run_side_by_side
from ste_graph.run.context import CompileUnit, RunContext, Watcher
from ste_graph.run.control import RunControl
from ste_graph.run.costs import all_prices, model_meters, open_meter, replay_usage, stop_record, worked_s
from ste_graph.run.executor import AsyncioExecutor, Executor
from ste_graph.run.folder import RunFolder
from ste_graph.run.forks.fork import Fork, TakenSteps, begun_lock, forked_units, take_over
from ste_graph.run.lock_file import (
    LockChange,
    accept_changes,
    lock_content,
    refuse_changes,
    tool_changes,
    workflow_changes,
)
from ste_graph.run.logs.events import STOPPED, Events, has_stopped
from ste_graph.run.logs.journal import Journal, logged_records, settled_records
from ste_graph.run.logs.logged_entries import logged_entries
from ste_graph.run.logs.step_log import StepLog, open_logs
from ste_graph.run.logs.steps import RunSteps
from ste_graph.run.memories import open_stores
from ste_graph.run.models import (
    all_model_labels,
    describe_protocols,
    known_protocols,
    model_labels,
    open_models,
    probe_models,
    read_server_facts,
    start_models,
)
from ste_graph.run.preflight import (
    check_access,
    check_held_out,
    check_packages,
    check_resumable,
    check_sub_workflows,
    check_use,
)
from ste_graph.run.server_notes import RunNotes, keep_adaptations
from ste_graph.run.summary import StoppedBy, Summary, summarise
from ste_graph.run.toolboxes import make_toolboxes
from ste_graph.run.tools import open_tools, tool_policy
from ste_graph.run.unit.pending import PendingCalls
from ste_graph.run.unit.record_maker import RecordMaker
from ste_graph.run.unit.reset import Resetter
from ste_graph.run.unit.unit_context import SharedContext
from ste_graph.run.units import Unit, list_kept_tools, list_units, load_data
from ste_graph.run.waves import ValueStores, next_wave
from ste_graph.task_exits import contained_exits
from ste_graph.tools.toolbox import Toolbox
from ste_graph.tracebacks import INTERRUPTS


async def execute(
    workflow: Workflow,
    out: Path,
    *,
    concurrency: int | None = None,
    watcher: Watcher | None = None,
    stop: asyncio.Event | None = None,
    dry_run: bool = False,
    accept_changes: bool = False,
    whole: Meter | None = None,
    fork: Fork | None = None,
    compile_unit: CompileUnit | None = None,
    executor: Executor | None = None,
) -> Summary:
    """Run a workflow in the folder `out`, or take up the run that is there. A finished run is only summed up.

    Setting `stop` ends the run cleanly: what was in flight is done again when the run is taken up, but for calls that
    may change the world, which are waited for. With `accept_changes` a run goes on under code, prompts and tools that
    have changed since it began; its lock file says from which step on. Each model server is asked for at most
    `concurrency` replies at once; without it, for as many as it is found to serve, up to 64. What is used counts in
    `whole` too, whose budget several runs share. A `fork` begins with steps of another run, which cost nothing. The
    graph of a unit is LangGraph's, unless `compile_unit` makes it. The units run in this process, unless an `executor`
    runs them elsewhere.

    Raises:
        WorkflowError: the folder, the tools or the policy make the run impossible; nothing has been spent.
        RunError: the run could not go on (a model server that cannot be reached, a full disk).
    """
    if concurrency is not None and concurrency < 1:
        raise WorkflowError(f"concurrency: {concurrency} lets nothing run; expected 1 or more")
    limiters, watcher, stop = Limiters(concurrency), watcher or Watcher(), stop or asyncio.Event()
    context = RunContext(
        folder=out.resolve(),  # a tool may change the working directory
        meter=open_meter(workflow, whole),
        adaptations=Adaptations(),
        limiters=limiters,
        watcher=watcher,
        stop=stop,
        control=RunControl(out.resolve(), stop, limiters, watcher.message),
        dry_run=dry_run,
        accept_changes=accept_changes,
        outermost=True,
        compile_unit=compile_unit,
        executor=executor,
    )
    return await _Opening(workflow, RunFolder(out.absolute(), shown=out), context, fork).execute()


async def execute_sub_workflow(workflow: Workflow, folder: Path, parent: RunContext, name: str) -> Summary:
    """Run a sub-workflow inside the run `parent` (the contract `ExecuteSubWorkflow`).

    What is used counts there, and the requests in flight are bounded there.
    """
    context = RunContext(
        folder=folder.resolve(),
        meter=open_meter(workflow, parent.meter, name),
        adaptations=parent.adaptations,
        limiters=parent.limiters,
        watcher=parent.watcher.sub_workflow(name),
        stop=parent.stop,
        dry_run=parent.dry_run,
        accept_changes=parent.accept_changes,
        outermost=False,
        control=parent.control,
        compile_unit=parent.compile_unit,
        executor=parent.executor,
        servers=parent.servers,
    )
    return await _Opening(workflow, RunFolder(folder), context).execute()


class _Opening:
    """A run's folder, new or taken up: is it a run of this workflow, and what is left of it to do?"""

    def __init__(self, workflow: Workflow, folder: RunFolder, context: RunContext, fork: Fork | None = None) -> None:
        self._workflow = workflow
        self._folder = folder
        self._context = context
        self._fork = fork
        self._watcher = context.watcher
        self._dry_run = context.dry_run

    async def execute(self) -> Summary:
        """Execute what is left, alone with the folder."""
        control = self._context.control if self._context.outermost else None
        self._folder.acquire()
        try:
            with redact_errors(self._workflow.secrets), rare_collection(), contained_exits():
                async with control.watching() if control else nullcontext():
                    return await self._execute()
        finally:
            self._folder.remove_if_unused()
            self._folder.release()

    async def _execute(self) -> Summary:
        lock = begun_lock(self._folder.read_lock(), self._fork, self._folder.shown)
        changes: list[LockChange] = []
        if lock is not None:
            changes = workflow_changes(lock, self._workflow, dry_run=self._dry_run)
            self._refuse(f"this folder is a run of a workflow that differs from {self._workflow.file}", changes)
            logs = open_logs(self._folder, lock)
            if all(log.done for log in logs.values()):
                await self._sum_up(logs)
                return self._summary(logs, lock)
            if any(log.finished for log in logs.values()):
                check_resumable(self._workflow)
        check_packages(self._workflow)
        check_access(self._workflow)
        self._workflow = load_data(self._workflow)
        check_held_out(self._workflow)
        cassette = _open_cassette(self._workflow.cassette, resets=self._workflow.reset is not None)
        async with AsyncExitStack() as stack:
            if cassette is not None:
                stack.callback(cassette.close)
            tools = await stack.enter_async_context(open_tools(self._workflow, cassette))
            remarks = check_use(self._workflow, tools)
            resetter = self._resetter(tools)
            units, skipped = list_units(self._workflow, tools, dry_run=self._dry_run)
            labels = all_model_labels(self._workflow)
            own = forked_units(lock, self._fork, self._workflow, units)
            kept = list_kept_tools(self._workflow, tools)
            wanted = lock_content(self._workflow, own, skipped, labels, dry_run=self._dry_run, kept=kept)
            taken = self._take_over(own, wanted) if lock is None else None
            if lock is not None:
                changes += tool_changes(lock, wanted, self._workflow)
                self._refuse("since this run began, something has changed", changes)
            elif self._context.outermost:
                for doubt in await check_sub_workflows(self._workflow, dry_run=self._dry_run):
                    self._watcher.message(doubt)
            gone: dict[str, str] = {}
            servers = self._context.servers
            if servers is None:
                servers = await stack.enter_async_context(Servers(self._folder.path, self._watcher.message))
                self._context = replace(self._context, servers=servers)
            models = start_models(self._workflow, servers, self._context.stop, gone)
            workflow = await stack.enter_async_context(models)
            if model_labels(workflow):
                self._watcher.message("asking whether the models can be reached")
            for doubt in await probe_models(workflow, gone=gone):
                self._watcher.message(doubt)
            if lock is None:
                lock = {**wanted, "servers": await read_server_facts(self._workflow, workflow, cassette)}
                lock = self._begin(lock, taken)
            logs = open_logs(self._folder, lock)
            if changes:
                lock = accept_changes(lock, changes, logs)
                self._folder.write_lock(lock)
            lock = self._keep_prices(lock, wanted)
            protocols = known_protocols(lock)
            running = _Running(workflow, self._folder, logs, self._context, cassette, resetter, protocols, gone)
            for sentence in describe_protocols(self._workflow, lock):
                running.remark_protocol(sentence)
            for change in changes:
                running.announce(change)
            boxes = make_toolboxes(
                workflow,
                {unit.name: unit.tools for unit in units},
                dry_run=self._dry_run,
                cassette=cassette,
                watcher=self._watcher,
            )
            finished = await running.run(units, boxes, tools)
        summary = self._summary(logs, lock)
        faults = [fault for box in boxes.values() for fault in box.faults]
        summary.remarks = [*remarks, *(taken.remarks if taken else ()), *faults, *running.events.tool_errors]
        summary.stopped_by, summary.reason = running.describe_end(finished)
        summary.spent = running.spent
        return summary

    def _take_over(self, units: Sequence[Unit], wanted: Mapping[str, Json]) -> TakenSteps | None:
        """The steps that a fork that begins takes over; None if it is not a fork."""
        if self._fork is None:
            return None
        check_resumable(self._workflow)
        return take_over(self._fork, self._workflow, units, wanted, accept_changes=self._context.accept_changes)

    def _begin(self, lock: dict[str, Json], taken: TakenSteps | None) -> dict[str, Json]:
        """Write the lock file of a new run, and of a fork what it takes over; return the lock."""
        if taken is not None:
            return taken.begin(self._folder, lock, self._workflow)
        self._folder.write_lock(lock)
        return lock

    def _keep_prices(self, lock: dict[str, Json], wanted: Mapping[str, Json]) -> dict[str, Json]:
        """The lock with the prices of now, in which all that the run has used is counted."""
        if lock.get("prices") == wanted.get("prices"):
            return lock
        lock = {key: value for key, value in lock.items() if key != "prices"}
        lock |= {key: value for key, value in wanted.items() if key == "prices"}
        self._folder.write_lock(lock)
        return lock

    def _refuse(self, what: str, changes: Sequence[LockChange]) -> None:
        refuse_changes(f"{self._folder.shown}: {what}", changes, accept=self._context.accept_changes)

    async def _sum_up(self, logs: Mapping[str, StepLog]) -> None:
        """Make the journal and the memories hold all of a finished run, also if it was killed at its end."""
        Journal(self._folder.journal, logged_records(logs)).close()
        if not has_stopped(self._folder.events):
            entries = logged_entries(self._workflow, logs)
            async with open_stores(self._workflow, self._folder, entries, self._watcher.message):
                pass
            events = Events(self._folder.events, Redactor(self._workflow.secrets))
            events.add(STOPPED, by=None)
            events.close()

    def _resetter(self, tools: Sequence[Tool]) -> Resetter | None:
        """The maker of the resets; None if no resets are made, or nothing is called that could need one."""
        spec, cassette = self._workflow.reset, self._workflow.cassette
        if spec is None or self._dry_run or (cassette is not None and cassette.mode == "replay"):
            return None
        return Resetter(self._workflow, spec, tools, tool_policy(self._workflow))

    def _summary(self, logs: Mapping[str, StepLog], lock: Mapping[str, Json]) -> Summary:
        return summarise(self._folder.shown, logs, lock, all_model_labels(self._workflow))


class _Running:
    """The units of a run, running."""

    def __init__(
        self,
        workflow: Workflow,
        folder: RunFolder,
        logs: Mapping[str, StepLog],
        context: RunContext,
        cassette: Recording | Replay | None,
        resetter: Resetter | None,
        protocols: Mapping[str, str],
        gone: Mapping[str, str],
    ) -> None:
        self._gone = gone
        self.spent: BudgetSpentError | None = None
        self._workflow = workflow
        self._folder = folder
        self._logs = logs
        self._context = context
        self._watcher = context.watcher
        self._cassette = cassette
        self._resetter = resetter
        self._protocols = protocols
        self._redactor = Redactor(workflow.secrets)
        self.events = Events(folder.events, self._redactor)
        if context.outermost:
            keep_adaptations(folder, context.adaptations)
        self._notes = RunNotes(context.adaptations, self.events, self._watcher.message)
        self._own_meters = model_meters(workflow, context.meter)
        for log in logs.values():
            log.stopped = None  # it goes on
        self._journal = Journal(folder.journal, settled_records(logs))

    def announce(self, change: LockChange) -> None:
        """Tell a watching person, and the events, of a change under which the run goes on."""
        if change.text:
            self._watcher.message(f"going on under a change: {change.text}")
            self.events.add("change_accepted", change=change.text)

    def remark_protocol(self, sentence: str) -> None:
        """Tell with which form of calls a model is asked first."""
        self._notes.remark("protocol", sentence)

    def describe_end(self, finished: bool) -> tuple[StoppedBy | None, str | None]:
        """The cause that stopped the run before its end, if anything did, and the same in words."""
        if not finished:
            return "interrupt", "stopped by the user"
        if self.spent is not None:
            return "budget", str(self.spent)
        stopped = [log.stopped for log in self._logs.values() if log.stopped is not None]
        return ("budget", str(stopped[0]["why"])) if stopped else (None, None)

    async def run(self, units: Sequence[Unit], boxes: Mapping[str, Toolbox], tools: Sequence[Tool]) -> bool:
        """Run what is left of the units; False if it was stopped before all had ended by themselves."""
        async with AsyncExitStack() as stack:
            stack.callback(self.events.close)
            stack.callback(self._journal.close)
            for log in self._logs.values():
                stack.callback(log.close)
            try:
                finished = await self._run(units, boxes, tools)
                for log in self._logs.values():
                    await log.sync()
            except SteError as error:
                with suppress(RunError):
                    self.events.add_failure("broken", error, why=str(error))
                raise
            self._stop_units()
            by, _ = self.describe_end(finished)
            self.events.add(STOPPED, by=by)
            return finished

    async def _run(self, units: Sequence[Unit], boxes: Mapping[str, Toolbox], tools: Sequence[Tool]) -> bool:
        workflow, context = self._workflow, self._context
        prices = all_prices(workflow)
        for log in self._logs.values():
            replay_usage(workflow, context.meter, log.used, prices)
        if workflow.budget.get("time_s") is not None:
            context.meter.used_s = worked_s(self._folder.path)
        context.meter.begin()
        if context.compile_unit is not None:
            graph = context.compile_unit(workflow)
        else:
            from ste_graph.compile.graph import CompiledGraph

            graph = CompiledGraph(workflow)
        entries = logged_entries(workflow, self._logs)
        async with (
            open_models(
                workflow,
                context.meter,
                self._notes,
                limiters=context.limiters,
                cassette=self._cassette,
                own=self._own_meters,
                gone=self._gone,
            ) as models,
            open_stores(workflow, self._folder, entries, self._watcher.message) as stores,
            AsyncExitStack() as stack,
        ):
            self._watcher.run_start(workflow, self._logs, context.meter)
            self.events.add("started", units=len(self._logs), replayed=len(logged_records(self._logs)))
            values = ValueStores.open(workflow, tools, self._folder)
            shared = SharedContext(
                workflow=workflow,
                flow=graph.flow,
                models=models,
                stores=stores,
                value_stores=values.opened,
                record_maker=RecordMaker(graph.flow, model_labels(workflow)),
                run=context,
                redactor=self._redactor,
                steps=RunSteps(self._logs, self._journal, stores, workflow.records, self._watcher),
                events=self.events,
                pending=PendingCalls(),
                execute=execute_sub_workflow,
                resetter=self._resetter,
                protocols=self._protocols,
                prices=prices,
            )
            # A reset is of the tools, which units share: side by side, one unit would undo another's work.
            slots = asyncio.Semaphore(1 if workflow.reset is not None else context.limiters.ceiling)
            executor = context.executor or AsyncioExecutor()
            opening = executor.open(shared, graph, events=self.events, tape=self._cassette)
            run_unit = await stack.enter_async_context(opening)

            async def finish_unit(unit: Unit) -> None:
                async with slots:
                    await self._finish(unit.name, run_unit(unit, self._logs[unit.name], boxes[unit.name]), stores)

            waves: list[list[Unit]] = []
            left = units
            while any(unit.name in self._logs for unit in left):  # a fork may have some of the units alone
                earlier = [unit for wave in waves for unit in wave if unit.name in self._logs]
                await values.begin_wave(len(waves), earlier, self._logs)
                wave = await next_wave(workflow, values.opened, left)
                own = [unit for unit in wave if unit.name in self._logs]
                undone = [finish_unit(unit) for unit in own if not self._logs[unit.name].done]
                if not await run_side_by_side(undone, context.stop, shared.pending.give_up):
                    return False
                if self.spent is not None:
                    return True  # the next wave would begin, for good, with what half of this one has found
                waves.append(wave)
                names = {unit.name for unit in wave}
                left = [unit for unit in left if unit.name not in names]
            return True

    async def _finish(self, name: str, running: Awaitable[object], stores: Mapping[str, RecordStore]) -> None:
        """Run one unit to its end, whichever it is. Raises `RunError` where the others cannot go on either."""
        log = self._logs[name]
        try:
            await running
            await log.finish(now())
            self.events.add("done", unit=name)
            for store in stores.values():
                store.release(name)
        except BudgetSpentError as error:
            if error.meter in [*self._context.meter.chain, *self._own_meters.values()]:
                self.spent = error
            self._stop_unit(name, error)
        except (RunError, *INTERRUPTS):
            raise
        except BaseException as error:
            why = str(error) if isinstance(error, SteError) else f"{type(error).__name__}: {error}"
            why = self._redactor.redact(why)
            log.fail(why, now())
            self.events.add_failure("failed", error, unit=name, why=why)
        self._watcher.unit_end(name, log)

    def _stop_units(self) -> None:
        """Record the units that the budget of the run left undone."""
        if self.spent is None:
            return
        for name, log in self._logs.items():
            if not log.done and log.failure is None and log.stopped is None:
                self._stop_unit(name, BudgetSpentError(str(self.spent)))
                log.close()

    def _stop_unit(self, name: str, error: BudgetSpentError) -> None:
        """Record that a budget stopped a unit."""
        record = stop_record(self._workflow, name, error)
        self._logs[name].stop(record)
        self._journal.add(record)
        if error.step is not None:
            self.events.add("budget", unit=name, step=error.step, why=str(error))


def _open_cassette(spec: CassetteSpec | None, *, resets: bool) -> Recording | Replay | None:
    if spec is None or spec.mode == "live":
        return None
    return Recording(spec.path) if spec.mode == "record" else Replay(spec.path, resets=resets)
