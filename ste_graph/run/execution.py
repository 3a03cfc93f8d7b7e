"""The execution of a run: units side by side, each over its step log, until all are done or something stops them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from ste_graph.contracts import Json, Tool
from ste_graph.errors import BudgetSpentError, RunError, SteError, WorkflowError
from ste_graph.files.jsonl import LineFile
from ste_graph.ids import now
from ste_graph.language.workflow import Workflow
from ste_graph.models.meter import Budget, Meter
from ste_graph.redaction import Redactor, redact_errors
from ste_graph.run.cassette import Cassette
from ste_graph.run.folder import RunFolder
from ste_graph.run.gateways import all_labels_of, labels_of, opened_gateways, opened_models, probe
from ste_graph.run.guard import UnderWay
from ste_graph.run.journal import Journal
from ste_graph.run.lock import lock_content, refuse_if_changed, refuse_if_tools_changed
from ste_graph.run.permission import refuse_unpermitted
from ste_graph.run.preflight import preflight
from ste_graph.run.recording import Recording
from ste_graph.run.reset import Resetter
from ste_graph.run.side_by_side import side_by_side
from ste_graph.run.step_log import Logged, StepLog
from ste_graph.run.stores import opened_stores
from ste_graph.run.summary import Summary, summary_of
from ste_graph.run.unit import Shared, UnitRun
from ste_graph.run.units import Unit, opened_tools, policy_of, toolboxes_of, units_of, with_items
from ste_graph.run.watching import Watcher
from ste_graph.run.within import Within
from ste_graph.tools.toolbox import Toolbox

CONCURRENCY = 64
"""Model requests in flight at most, and units side by side, unless the caller says otherwise."""

STOPPED = "stopped"
"""The event behind which nothing is under way any more: memories are written and closed."""


async def execute(
    workflow: Workflow,
    out: Path,
    *,
    concurrency: int = CONCURRENCY,
    watcher: Watcher | None = None,
    stop: asyncio.Event | None = None,
    dry_run: bool = False,
    above: Within | None = None,
) -> Summary:
    """Run a workflow in the folder `out`, or take up the run that is there. A finished run is only summed up.

    Setting `stop` ends the run cleanly: what was in flight is done again when the run is taken up, but for calls that
    may change the world, which are waited for.
    `above` is the run that this one is a part of: what is used here counts there, and the requests in flight are
    bounded there.

    Raises:
        WorkflowError: the folder, the tools or the policy make the run impossible; nothing has been spent.
        RunError: the run could not go on (a model server that cannot be reached, a full disk).
    """
    if concurrency < 1:
        raise WorkflowError(f"concurrency: {concurrency} lets nothing run; expected 1 or more")
    watcher = watcher or Watcher()
    folder = RunFolder(out)
    folder.acquire()
    try:
        with redact_errors(workflow.secrets):
            within = Within(
                folder=folder.path.resolve(),
                meter=Meter(Budget.model_validate(dict(workflow.budget)), parent=above.meter if above else None),
                in_flight=above.in_flight if above else asyncio.Semaphore(concurrency),
                concurrency=concurrency,
                watcher=watcher,
                stop=stop or asyncio.Event(),
                dry_run=dry_run,
                first=above is None,
            )
            return await _Opening(workflow, folder, within).run()
    finally:
        folder.remove_if_unused()
        folder.release()


class _Opening:
    """A run's folder, new or taken up: is it a run of this workflow, and what is left of it to do?"""

    def __init__(self, workflow: Workflow, folder: RunFolder, within: Within) -> None:
        self._workflow = workflow
        self._folder = folder
        self._within = within
        self._watcher = within.watcher
        self._dry_run = within.dry_run

    async def run(self) -> Summary:
        locked = self._folder.read_lock()
        if locked is not None:
            refuse_if_changed(self._folder.path, locked, self._workflow, dry_run=self._dry_run)
            logs = self._logs(locked)
            if all(log.done for log in logs.values()):
                await self._sum_up(logs)
                return self._summary(logs, locked)
        refuse_unpermitted(self._workflow)
        self._workflow = with_items(self._workflow)
        cassette = Cassette(self._workflow.cassette, resets=self._workflow.reset is not None)
        async with AsyncExitStack() as stack:
            stack.callback(cassette.close)
            tools = await stack.enter_async_context(opened_tools(self._workflow, cassette))
            resetter = self._resetter(tools)
            units, left_out = units_of(self._workflow, tools, dry_run=self._dry_run)
            wanted = lock_content(self._workflow, units, left_out, all_labels_of(self._workflow), dry_run=self._dry_run)
            if locked is not None:
                refuse_if_tools_changed(self._folder.path, locked, wanted)
            elif self._within.first:
                for doubt in await preflight(self._workflow, dry_run=self._dry_run):
                    self._watcher.said(doubt)
            stop = self._within.stop
            async with opened_models(self._workflow, self._folder.path, self._watcher.said, stop) as workflow:
                if labels_of(workflow):
                    self._watcher.said("asking whether the models can be reached")
                for doubt in await probe(workflow):
                    self._watcher.said(doubt)
                if locked is None:
                    locked = wanted
                    self._folder.write_lock(locked)
                logs = self._logs(locked)
                boxes = toolboxes_of(workflow, units, dry_run=self._dry_run, cassette=cassette, watcher=self._watcher)
                running = _Running(workflow, self._folder, logs, self._within, cassette, resetter)
                finished = await running.run(units, boxes)
        summary = self._summary(logs, locked)
        summary.remarks = [fault for box in boxes.values() for fault in box.faults]
        if not finished:
            summary.stopped_by, summary.reason = "interrupt", "stopped by the user"
        elif running.spent is not None:
            summary.stopped_by, summary.reason = "budget", str(running.spent)
        return summary

    async def _sum_up(self, logs: Mapping[str, StepLog]) -> None:
        """See that what is made from the logs of a finished run holds all of them, also if it was killed at its end."""
        Journal(self._folder.journal, _records(logs)).close()
        events = LineFile(self._folder.events)
        last = deque(events.lines(), maxlen=1)
        if not last or last[0].get("event") != STOPPED:
            async with opened_stores(self._workflow, self._folder, logs.values(), self._watcher.said):
                pass
            events.append({"event": STOPPED, "at": now(), "by": None})
            events.close()

    def _resetter(self, tools: Sequence[Tool]) -> Resetter | None:
        """What makes the resets; None where there are none, or nothing is called that could need one."""
        spec, cassette = self._workflow.reset, self._workflow.cassette
        if spec is None or self._dry_run or (cassette is not None and cassette.mode == "replay"):
            return None
        return Resetter(self._workflow, spec, tools, policy_of(self._workflow))

    def _logs(self, locked: Mapping[str, Json]) -> dict[str, StepLog]:
        return {name: StepLog(self._folder.unit(name)) for name in locked["units"]}

    def _summary(self, logs: Mapping[str, StepLog], locked: Mapping[str, Json]) -> Summary:
        return summary_of(self._folder.path, logs, locked["skipped"], all_labels_of(self._workflow))


class _Running:
    """The units of a run, running."""

    def __init__(
        self,
        workflow: Workflow,
        folder: RunFolder,
        logs: Mapping[str, StepLog],
        within: Within,
        cassette: Cassette,
        resetter: Resetter | None,
    ) -> None:
        self.spent: BudgetSpentError | None = None
        self._workflow = workflow
        self._folder = folder
        self._logs = logs
        self._within = within
        self._watcher = within.watcher
        self._cassette = cassette
        self._resetter = resetter
        self._redactor = Redactor(workflow.secrets)
        self._events = LineFile(folder.events)
        self._journal = Journal(folder.journal, _records(logs))

    async def run(self, units: Sequence[Unit], boxes: Mapping[str, Toolbox]) -> bool:
        """Run what is left of the units; False if it was stopped before all had ended by themselves."""
        async with AsyncExitStack() as stack:
            stack.callback(self._events.close)
            stack.callback(self._journal.close)
            for log in self._logs.values():
                stack.callback(log.close)
            try:
                finished = await self._run(units, boxes)
            except SteError as fault:
                with suppress(RunError):
                    self._say("broken", why=self._redactor.redact(str(fault)))
                raise
            self._say(STOPPED, by="interrupt" if not finished else "budget" if self.spent else None)
            return finished

    async def _run(self, units: Sequence[Unit], boxes: Mapping[str, Toolbox]) -> bool:
        from ste_graph.compile.graph import compile_workflow

        workflow = self._workflow
        meter, within = self._within.meter, self._within
        for log in self._logs.values():
            used = log.used
            meter.add_replayed(model_calls=used.model_calls, tool_calls=used.tool_calls, usage=used.usage)
        graph = compile_workflow(workflow)
        recording = Recording(graph.flow, labels_of(workflow))
        async with (
            opened_gateways(
                workflow, meter, self._logs.values(), in_flight=within.in_flight, cassette=self._cassette
            ) as models,
            opened_stores(workflow, self._folder, self._logs.values(), self._watcher.said) as stores,
        ):
            self._watcher.began(workflow, self._logs, meter)
            self._say("began", units=len(units), replayed=len(_records(self._logs)))
            under_way = UnderWay()
            shared = Shared(
                workflow, graph.flow, models, stores, recording, within, self._redactor, self, under_way, self._resetter
            )
            # A reset is of the tools, which units share: side by side, one unit would undo another's work.
            seats = asyncio.Semaphore(1 if workflow.reset is not None else within.concurrency)

            async def one(unit: Unit) -> None:
                async with seats:
                    stepper = UnitRun(unit.name, shared, self._logs[unit.name], boxes[unit.name])
                    await self._unit(unit.name, graph.run(unit.item, stepper, channels=[workflow.unit]))

            left = [one(unit) for unit in units if not self._logs[unit.name].done]
            return await side_by_side(left, within.stop, under_way.give_up)

    async def _unit(self, name: str, running: Awaitable[object]) -> None:
        """One unit to its end, whichever it is. Raises `RunError` where the others cannot go on either."""
        log = self._logs[name]
        try:
            await running
            log.finish(now())
            self._say("done", unit=name)
        except BudgetSpentError as spent:
            self.spent = spent
        except RunError:
            raise
        except Exception as fault:
            why = str(fault) if isinstance(fault, SteError) else f"{type(fault).__name__}: {fault}"
            why = self._redactor.redact(why)
            log.fail(why, now())
            self._say("failed", unit=name, why=why)
        self._watcher.ended(name, log)

    def step(self, unit: str, step: Logged, *, replayed: bool) -> None:
        """Write a step's record to the journal, and tell the watcher (the contract `Observer`)."""
        if step.record is not None:
            self._journal.add(step.record)
        self._watcher.step(unit, step, replayed=replayed)

    def working(self, unit: str, what: str) -> None:
        """Tell the watcher (the contract `Observer`)."""
        self._watcher.working(unit, what)

    def waiting(self, tool: str) -> None:
        """Tell the watcher (the contract `Observer`)."""
        limit = policy_of(self._workflow).timeout_s
        self._watcher.said(f"waiting, at most {limit:g} s, for a call of `{tool}` that may have changed something")

    def _say(self, event: str, **facts: Json) -> None:
        self._events.append({"event": event, "at": now(), **facts})


def _records(logs: Mapping[str, StepLog]) -> list[dict[str, Json]]:
    return [step.record for log in logs.values() for step in log.recorded if step.record]
