"""The step log: one file per unit, one line per finished step. It is the truth of a run; all else is made from it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from ste_graph.compile.stepper import Wave
from ste_graph.contracts import Json, Observation
from ste_graph.errors import WorkflowError
from ste_graph.files.jsonl import LineFile
from ste_graph.ids import derive_id
from ste_graph.json_values import digest
from ste_graph.run.folder import RunFolder
from ste_graph.run.logs.log_totals import LogTotals
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.logs.usage_counts import UsageCounts
from ste_graph.run.logs.wave_order import WaveOrder

SYNC_S: Final = 1.0
"""Seconds after which a record that was logged begins to be made safe from a loss of power."""


class LogOwner(NamedTuple):
    """The unit and the run whose log a file is, as its first line says."""

    unit: str
    run: str


class StepLog:
    """The log of one unit: what was finished, read once at the start, and appended to from then on.

    Raises `WorkflowError` if a line is damaged, or if the file is the log of another `owner` (None: of anyone).
    """

    def __init__(self, path: Path, owner: LogOwner | None = None) -> None:
        self._file = LineFile(path)
        self._owner = owner
        self._is_empty = True
        self._finished: dict[str, LoggedStep] | None = None
        self._steps_read: dict[str, LoggedStep] = {}
        self.in_open_waves: set[str] = set()
        """Those of the finished steps that belong to a wave which had not ended: no other pass may know of them."""
        self._waves = WaveOrder()
        self.started_calls: set[str] = set()
        """Calls of tools that may change the world, by step and number, started in a step that is not finished yet."""
        self._answers: dict[str, tuple[str, Observation]] = {}
        self.totals = LogTotals()
        self.done = False
        self.failure: str | None = None
        self.stopped: dict[str, Json] | None = None
        """The journal's record of a budget that stopped the unit, until it goes on."""
        self._ended_after: set[str] = set()
        self._syncing: asyncio.Task[None] | None = None
        self._sync_timer: asyncio.TimerHandle | None = None
        if (totals := self._read_end()) is not None:
            self._is_empty, self.done, self.totals = False, True, totals
        else:
            self._finished = self._read_whole()

    def _read_end(self) -> LogTotals | None:
        """The totals of a log that is finished, from its last line; None where that cannot be relied on."""
        last = self._file.last_line()
        if last is None or b'"totals"' not in last.line:
            return None
        try:
            line = json.loads(last.line)
            if line["offset"] != last.offset or "done" not in line:
                return None  # somebody has changed the file
            first = next(self._file.lines(), None)
            if first is None or (self._owner is not None and first != self._owner._asdict()):
                return None
            return LogTotals.from_json(line["totals"])
        except (KeyError, TypeError, ValueError):
            return None

    def _read_whole(self) -> dict[str, LoggedStep]:
        """Read all lines; return the finished steps."""
        path, owner = self._file.path, self._owner
        self.totals = LogTotals()
        for number, line in enumerate(self._file.lines(), start=1):
            self._is_empty = False
            if owner is not None and "unit" in line and line != owner._asdict():
                whose = "another run's" if line["unit"] == owner.unit else f"the log of `{line['unit']}`"
                raise WorkflowError(
                    f"{path}: this is {whose}, not the log of `{owner.unit}` in this run; "
                    "restore the file, or delete it (what it holds is then done again)"
                )
            try:
                self._read(line)
            except (KeyError, TypeError, ValueError):
                raise self._file.damaged_line(number) from None
        steps, self.in_open_waves = self._waves.arrange(self._steps_read)
        self._steps_read = {}
        return steps

    def _read(self, line: dict[str, Json]) -> None:
        match line:
            case {"key": str(key)}:
                step = self._steps_read[key] = LoggedStep.from_json(line)
                self._count(step)
            case {"call_started": str(call)}:
                self.started_calls.add(call)
            case {"call_ended": str(call), "request": str(request), "observation": dict(observation)}:
                self._answers[call] = request, Observation(**observation)
            case {"after": str(key), "loops": list(loops)}:
                self._ended_after.add(key)
                self.totals.loops.update((loop, reason) for loop, _, reason in loops)
            case {"wave": _}:
                self._waves.read(line)
            case {"abandoned": str(), "used": dict(used)}:
                self.totals.used.add(UsageCounts(**used))
            case {"failed": str(why)}:
                self.failure = why
            case {"stopped": dict(record)}:
                self.stopped = record
            case {"done": _}:
                self.done, self.failure, self.stopped = True, None, None
            case {"unit": str(), "run": str()}:
                pass
            case _:
                raise ValueError("unknown kind of line")

    @property
    def path(self) -> Path:
        """The log's file."""
        return self._file.path

    @property
    def finished(self) -> dict[str, LoggedStep]:
        """The steps that were finished when the log was opened, those of a wave in the order of its passes.

        Of later ones, there are only the totals. The log of a finished unit is read when somebody asks for its steps.
        """
        if self._finished is None:
            self._finished = self._read_whole()
        return self._finished

    @property
    def used(self) -> UsageCounts:
        """The usage of the unit."""
        return self.totals.used

    @property
    def calls(self) -> Counter[str]:
        """The number of tool calls that ended in each way."""
        return self.totals.calls

    @property
    def records(self) -> Counter[str]:
        """The number of records of each type."""
        return self.totals.records

    @property
    def loops(self) -> Counter[tuple[str, str]]:
        """The number of times that each loop ended for each reason."""
        return self.totals.loops

    @property
    def sub_workflows(self) -> Mapping[str, dict[str, Json]]:
        """The outputs of sub-workflows, by the step that ran them."""
        return self.totals.sub_workflows

    @property
    def record_steps(self) -> list[LoggedStep]:
        """The steps of `finished` that made a record, in order."""
        return [step for step in self.finished.values() if step.record is not None]

    def add_step(self, step: LoggedStep) -> None:
        """Log a finished step; one that may have changed the world survives a loss of power."""
        self._append(step.to_json(), durable=bool(self._calls_started_in(step)))
        self._count(step)

    def _append(self, line: dict[str, Json], *, durable: bool = False) -> None:
        """Add a line; after the one that names the owner, if it is the first."""
        self._begin()
        self._file.append(line, durable=durable)

    def _begin(self) -> None:
        if self._is_empty and self._owner is not None:
            self._file.append(self._owner._asdict())
        self._is_empty = False

    def sync_soon(self) -> None:
        """Let all that is logged survive a loss of power, from `SYNC_S` on; the unit goes on meanwhile.

        Raises `RunError` if that failed the last time.
        """
        if self._syncing is not None and self._syncing.done():
            syncing, self._syncing = self._syncing, None
            syncing.result()
        if self._sync_timer is None:
            self._sync_timer = asyncio.get_running_loop().call_later(SYNC_S, self._begin_sync)

    def _begin_sync(self) -> None:
        self._sync_timer = None
        if self._syncing is not None and not self._syncing.done():  # the disk is slow
            self.sync_soon()
            return
        self._syncing = asyncio.create_task(self._file.sync())
        # Whoever comes next raises its error; where the run ends before, nobody does.
        self._syncing.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def sync(self) -> None:
        """Make all that is logged survive a loss of power. Raises `RunError` if that fails."""
        unsafe = self._sync_timer is not None
        self._stop_timer()  # or it might begin another while this waits
        if self._syncing is not None:
            await asyncio.shield(self._syncing)
            self._syncing = None
        if unsafe:
            await self._file.sync()

    def _stop_timer(self) -> None:
        if self._sync_timer is not None:
            self._sync_timer.cancel()
            self._sync_timer = None

    async def start_call(self, call: str, tool: str, at: str) -> None:
        """Log that a call which may change the world is about to be made, before it is."""
        self._append({"call_started": call, "tool": tool, "at": at}, durable=True)
        self.started_calls.add(call)

    def end_call(self, call: str, tool: str, arguments: Mapping[str, Json], observation: Observation) -> None:
        """Log the observation of a call that was started: if its step is interrupted and done again, it is reused."""
        request = _request_id(tool, arguments)
        seen = observation.model_dump(mode="json", exclude_defaults=True)
        self._append({"call_ended": call, "request": request, "observation": seen})
        self._answers[call] = request, observation

    def logged_observation(self, call: str, tool: str, arguments: Mapping[str, Json]) -> Observation | None:
        """The observation of a call that an earlier process made in a step that it did not finish; None if unknown."""
        return find_answer(self._answers, call, tool, arguments)

    @property
    def answers(self) -> Mapping[str, tuple[str, Observation]]:
        """Per call that was made in a step which is not finished: its request, and the observation."""
        return self._answers

    def end_loops(self, key: str, loops: list[tuple[str, int, str]]) -> None:
        """Log the loops that ended after a step, once, however often the step is replayed."""
        if key not in self._ended_after:
            self._append({"after": key, "loops": loops})
            self._ended_after.add(key)
            self.totals.loops.update((loop, reason) for loop, _, reason in loops)

    def begin_wave(self, wave: Wave) -> None:
        """Log, once, that passes of a loop begin to run side by side."""
        if (line := self._waves.begin(wave)) is not None:
            self._append(line)

    def end_wave(self, wave: Wave) -> None:
        """Log, once, that all passes of a wave are done."""
        if (line := self._waves.end(wave)) is not None:
            self._append(line)

    def fail(self, why: str, at: str) -> None:
        """Log that the unit failed; it is taken up again from here."""
        self._append({"failed": why, "at": at}, durable=True)
        self.failure = why

    def abandon_step(self, key: str, used: UsageCounts) -> None:
        """Log what a step has used that did not come to its end: it is done again, and has cost that all the same."""
        self._append({"abandoned": key, "used": used.to_json()})
        self.totals.used.add(used)

    def stop(self, record: dict[str, Json]) -> None:
        """Log that a budget stopped the unit, with the journal's record of it; it is taken up again from here."""
        self._append({"stopped": record})
        self.stopped = record

    async def finish(self, at: str) -> None:
        """Log that the unit is complete, and make all of it survive a loss of power; other units go on meanwhile."""
        self._begin()
        self._append({"done": at, "totals": self.totals.to_json(), "offset": self._file.size})
        self.done, self.failure, self.stopped = True, None, None
        self._ended_after.clear()
        self.sync_soon()
        await self.sync()
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._stop_timer()
        self._file.close()

    def _count(self, step: LoggedStep) -> None:
        for call in self._calls_started_in(step):
            self.started_calls.remove(call)
            self._answers.pop(call, None)
        self.totals.used.add(step.used)
        for _, kind in step.calls:
            self.totals.calls[kind] += 1
        if step.record is not None:
            self.totals.add_record(step.record)
        if step.sub_workflow:
            self.totals.sub_workflows[step.key] = step.outputs
        self.failure = self.stopped = None

    def _calls_started_in(self, step: LoggedStep) -> list[str]:
        started = self.started_calls
        return [call for call in started if call.startswith(f"{step.key} #")] if started else []


def open_logs(folder: RunFolder, lock: Mapping[str, Json], unit: str | None = None) -> dict[str, StepLog]:
    """The log of each unit of a run, or of one. Raises `WorkflowError` if one is damaged, or another's."""
    run, units = derive_id(lock.get("created")), (name for name in lock["units"] if unit in (None, name))
    return {name: StepLog(folder.step_log(name), LogOwner(name, run)) for name in units}


def find_answer(
    answers: Mapping[str, tuple[str, Observation]], call: str, tool: str, arguments: Mapping[str, Json]
) -> Observation | None:
    """The observation among `answers` (see `StepLog.answers`) of a call with these arguments; None if unknown."""
    request, observation = answers.get(call, (None, None))
    return observation if request is not None and request == _request_id(tool, arguments) else None


def _request_id(tool: str, arguments: Mapping[str, Json]) -> str:
    return digest([tool, dict(arguments)], length=16)
