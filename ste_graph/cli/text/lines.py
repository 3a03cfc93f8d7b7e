"""Progress as plain lines, for logs and pipes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TextIO

from ste_graph.cli.text.outcome import records_text
from ste_graph.cli.text.progress import CountingWatcher, RunProgress, clock_text
from ste_graph.language.workflow import Workflow
from ste_graph.models.meter import Meter
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.logs.step_log import StepLog
from ste_graph.run.summary import Summary
from ste_graph.text import count_noun, printable

EVERY_S = 10.0
ROUTINE = ("asking whether the models can be reached", "opening the memory")
"""The beginnings of messages about what every run does, which would only hide the others."""


class ProgressLines(CountingWatcher):
    """A watcher that prints one line per finished unit, and one about the whole run every ten seconds."""

    def __init__(self, stream: TextIO, prefix: str = "") -> None:
        self.stream = stream
        self.prefix = prefix
        self._printed_at = 0.0

    def message(self, text: str) -> None:
        self._print(text)

    def run_start(self, workflow: Workflow, logs: Mapping[str, StepLog], meter: Meter) -> None:
        super().run_start(workflow, logs, meter)
        assert self.progress is not None
        for line in start_lines(self.progress):
            self._print(line)

    def step(self, unit: str, step: LoggedStep, *, replayed: bool) -> None:
        super().step(unit, step, replayed=replayed)
        self._print_progress()

    def node_progress(self, unit: str, text: str) -> None:
        super().node_progress(unit, text)
        self._print_progress(f"; {unit}: {text}")

    def unit_end(self, unit: str, log: StepLog) -> None:
        super().unit_end(unit, log)
        if self.progress is None:
            return
        row = self.progress.rows[unit]
        head = f"[{self.progress.done_count}/{len(self.progress.rows)}] {unit}: {row.state}"
        if row.state == "failed":
            self._print(f"{head}: {row.failure}")
        elif row.state == "done":
            kept = f"{count_noun(row.trials, 'trial')}, {row.solved:,} solved"
            kept = kept if row.judged else count_noun(row.trials, "record")
            self._print(f"{head}, {kept}" if row.trials else head)

    def sub_workflow(self, name: str) -> ProgressLines:
        return ProgressLines(self.stream, f"{self.prefix}{name}: ")

    def sub_workflow_end(self, name: str, summary: Summary) -> None:
        self._print(part_line(name, summary))

    def _print_progress(self, more: str = "") -> None:
        """Prints the line about the whole run, if it is time."""
        if self.progress is not None and time.monotonic() - self._printed_at >= EVERY_S:
            self._print(f"{progress_line(self.progress)}{more}")

    def _print(self, line: str) -> None:
        print(printable(self.prefix + line), file=self.stream, flush=True)
        self._printed_at = time.monotonic()


class ArmLines(ProgressLines):
    """A watcher of one run of an ablation: it says of units only that they failed, and of the run when it has ended."""

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


def start_lines(progress: RunProgress) -> list[str]:
    """The first lines: the workflow, its model, and the most it can cost."""
    count = len(progress.rows)
    lines = [f"{progress.title}: {count_noun(count, 'unit')}"]
    if progress.has_calls:
        lines[0] += f", at most {progress.model_calls:,} model calls and {progress.tool_calls:,} tool calls"
        lines.append(f"model: {', '.join(progress.models) or 'none'}")
    if progress.earlier_trials or progress.done_earlier:
        kept = count_noun(progress.earlier_trials, "trial")
        lines.append(f"continuing: {progress.done_earlier} of {count} done before, {kept} kept")
    return lines


def part_line(name: str, summary: Summary) -> str:
    """The line for a sub-workflow that has ended or was stopped."""
    kept = records_text(summary.records)
    state = "complete" if summary.complete else f"{summary.done} of {count_noun(summary.units, 'unit')} done"
    return f"{name}: {state}{f', {kept}' if kept else ''}"


def progress_line(progress: RunProgress) -> str:
    """The line about the whole run."""
    meter = progress.meter
    parts = [f"{clock_text(progress.elapsed_s)} {progress.done_count}/{len(progress.rows)} done"]
    if progress.trials:
        judged = any(row.judged for row in progress.rows.values())
        trials = f"{count_noun(progress.trials, 'trial')}, {progress.solved_count:,} solved"
        parts.append(trials if judged else count_noun(progress.trials, "record"))
    if progress.has_calls:
        parts.append(f"{meter.model_calls:,} of at most {progress.model_calls:,} model calls")
    elif meter.model_calls:
        parts.append(f"{meter.model_calls:,} model calls")
    if meter.retries:
        parts.append(f"{meter.retries:,} retries")
    if progress.remaining_s:
        parts.append(f"about {clock_text(progress.remaining_s)} left")
    return ", ".join(parts)
