"""Finished steps on their way into the log, the memories and the journal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ste_graph.compile.stepper import Wave
from ste_graph.contracts import Json, Observation, RecordStore
from ste_graph.records import Record
from ste_graph.run.context import Watcher
from ste_graph.run.logs.journal import Journal
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.logs.step_log import StepLog
from ste_graph.run.logs.usage_counts import UsageCounts


class UnitLog(Protocol):
    """The log of a unit as the unit itself needs it; its finished steps reach it through a `StepWriter`."""

    @property
    def path(self) -> Path:
        """The log's file, which may be on another machine."""

    @property
    def finished(self) -> Mapping[str, LoggedStep]:
        """The steps that were finished when the unit was taken up, by key."""

    @property
    def started_calls(self) -> Collection[str]:
        """Calls that may change the world, started in a step that is not finished."""

    async def start_call(self, call: str, tool: str, at: str) -> None:
        """Log, durably, that a call which may change the world is about to be made, before it is."""

    def abandon_step(self, key: str, used: UsageCounts) -> None:
        """Log what the replies in an unfinished step have used."""

    def end_call(self, call: str, tool: str, arguments: Mapping[str, Json], observation: Observation) -> None:
        """Log the observation of a call that was started."""

    def logged_observation(self, call: str, tool: str, arguments: Mapping[str, Json]) -> Observation | None:
        """The observation of a call that was made in a step which was not finished; None if unknown."""

    def end_loops(self, key: str, loops: list[tuple[str, int, str]]) -> None:
        """Log the loops that ended after a step, once, however often the step is replayed."""

    def begin_wave(self, wave: Wave) -> None:
        """Log, once, that passes of a loop begin to run side by side."""

    def end_wave(self, wave: Wave) -> None:
        """Log, once, that all passes of a wave are done."""


class StepWriter(Protocol):
    """Takes the finished steps of units: none counts before it is written."""

    async def write(self, unit: str, step: LoggedStep, *, replayed: bool, held: bool = False) -> None:
        """Write a finished step, or tell those who watch of one that was finished before.

        A record that is `held`, as passes run side by side, enters journal and memories with the methods below.
        """

    async def enter(self, unit: str, keys: Sequence[str]) -> None:
        """Write the held records of these steps into the journal, in this order."""

    async def remember(self, unit: str, keys: Sequence[str]) -> None:
        """Add the held records of these steps to the memories, in this order, and hold them no longer."""


class RunSteps:
    """The `StepWriter` of the process that owns the run's folder."""

    def __init__(
        self,
        logs: Mapping[str, StepLog],
        journal: Journal,
        stores: Mapping[str, RecordStore],
        types: Mapping[str, type[Record]],
        watcher: Watcher,
    ) -> None:
        self._logs = logs
        self._journal = journal
        self._stores = stores
        self._types = types
        self._watcher = watcher
        self._held: dict[str, dict[str, LoggedStep]] = defaultdict(dict)

    async def write(self, unit: str, step: LoggedStep, *, replayed: bool, held: bool = False) -> None:
        log = self._logs[unit]
        if not replayed:
            log.add_step(step)
        if held and step.record is not None:
            self._held[unit][step.key] = step
        elif step.record is not None:
            self._remember(step)
            self._journal.add(step.record)
        self._watcher.step(unit, step, replayed=replayed)
        if step.record is not None and not replayed:
            # Last, so that whoever stops the run here finds the record in the journal and in the memories too.
            log.sync_soon()

    async def enter(self, unit: str, keys: Sequence[str]) -> None:
        for key in keys:
            step = self._held[unit].get(key)  # None: it was cancelled before it was written
            if step is not None and step.record is not None:
                self._journal.add(step.record)

    async def remember(self, unit: str, keys: Sequence[str]) -> None:
        for key in keys:
            self._remember(self._held[unit].pop(key))

    def _remember(self, step: LoggedStep) -> None:
        for memory, entry in step.memory_entries(self._types):
            self._stores[memory].add(entry)
