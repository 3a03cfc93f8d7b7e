"""Watching a run: what a progress display, or a test, is told while it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

from ste_graph.language.workflow import Workflow
from ste_graph.models.meter import Meter
from ste_graph.run.step_log import Logged, StepLog
from ste_graph.run.summary import Summary


class Watcher:
    """Is told what happens; this one does nothing with it."""

    def said(self, what: str) -> None:
        """Something that may take a while begins."""

    def began(self, workflow: Workflow, logs: Mapping[str, StepLog], meter: Meter) -> None:
        """The units begin. `logs` holds what each has finished before, which `meter` counts too."""

    def step(self, unit: str, step: Logged, *, replayed: bool) -> None:
        """A step is finished, or was finished before and is replayed."""

    def working(self, unit: str, what: str) -> None:
        """A node of the unit is so far; it has not finished its step."""

    def asking(self) -> AbstractContextManager[None]:
        """Around a question to the person at the terminal: a display must hold still."""
        return nullcontext()

    def ended(self, unit: str, log: StepLog) -> None:
        """A unit is done, has failed or was stopped."""

    def part(self, name: str) -> Watcher:
        """Who watches a sub-workflow that begins, or goes on, as a part of this run."""
        return Watcher()

    def part_ended(self, name: str, summary: Summary) -> None:
        """A sub-workflow has come to its end, or was stopped."""
