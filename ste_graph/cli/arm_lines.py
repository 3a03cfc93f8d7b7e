"""Progress of the runs of an ablation: a line as each begins and ends, and one every ten seconds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TextIO

from ste_graph.cli.lines import EVERY_S, ProgressLines, progress_line
from ste_graph.cli.progress import CountingWatcher
from ste_graph.language.workflow import Workflow
from ste_graph.models.meter import Meter
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.logs.step_log import StepLog

ROUTINE = ("asking whether the models can be reached", "opening the memory")
"""The beginnings of messages about what every run does, which would only hide the others."""


class ArmLines(ProgressLines):
    """A watcher that says of units only that they failed."""

    def __init__(self, stream: TextIO, title: str, count: str) -> None:
        super().__init__(stream, f"{count}{title}")

    def message(self, text: str) -> None:
        if not text.startswith(ROUTINE):
            super().message(text)

    def run_start(self, workflow: Workflow, logs: Mapping[str, StepLog], meter: Meter) -> None:
        CountingWatcher.run_start(self, workflow, logs, meter)
        self._printed_at = time.monotonic()

    def unit_end(self, unit: str, log: StepLog) -> None:
        CountingWatcher.unit_end(self, unit, log)
        progress = self.progress
        if progress is None:
            return
        if log.failure:
            self._print(f"{unit}: failed: {log.failure}")
        if all(row.state in ("done", "failed", "stopped") for row in progress.rows.values()):
            self._print(progress_line(progress))

    def step(self, unit: str, step: LoggedStep, *, replayed: bool) -> None:
        CountingWatcher.step(self, unit, step, replayed=replayed)
        if self.progress is not None and time.monotonic() - self._printed_at >= EVERY_S:
            self._print(progress_line(self.progress))
