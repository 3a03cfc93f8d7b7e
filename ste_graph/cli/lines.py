"""Progress as plain lines, for logs and pipes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TextIO

from ste_graph.cli.outcome import kept_in_words
from ste_graph.cli.printable import counted, printable
from ste_graph.cli.progress import Counting, Progress, clock
from ste_graph.language.workflow import Workflow
from ste_graph.models.meter import Meter
from ste_graph.run.step_log import Logged, StepLog
from ste_graph.run.summary import Summary

EVERY_S = 10.0


class Lines(Counting):
    """One line per finished unit, and one about the whole every ten seconds."""

    def __init__(self, stream: TextIO, prefix: str = "") -> None:
        self.stream = stream
        self.prefix = prefix
        self._said_at = 0.0

    def said(self, what: str) -> None:
        self._say(what)

    def began(self, workflow: Workflow, logs: Mapping[str, StepLog], meter: Meter) -> None:
        super().began(workflow, logs, meter)
        assert self.progress is not None
        for line in beginning(self.progress):
            self._say(line)

    def step(self, unit: str, step: Logged, *, replayed: bool) -> None:
        super().step(unit, step, replayed=replayed)
        if self.progress is not None and time.monotonic() - self._said_at >= EVERY_S:
            self._say(whole(self.progress))

    def working(self, unit: str, what: str) -> None:
        super().working(unit, what)
        if self.progress is not None and time.monotonic() - self._said_at >= EVERY_S:
            self._say(f"{whole(self.progress)}; {unit}: {what}")

    def ended(self, unit: str, log: StepLog) -> None:
        super().ended(unit, log)
        if self.progress is None:
            return
        row = self.progress.rows[unit]
        head = f"[{self.progress.finished}/{len(self.progress.rows)}] {unit}: {row.state}"
        if row.state == "failed":
            self._say(f"{head}: {row.why}")
        elif row.state == "done":
            kept = f"{counted(row.trials, 'trial')}, {row.solved:,} solved"
            kept = kept if row.judged else counted(row.trials, "record")
            self._say(f"{head}, {kept}" if row.trials else head)

    def part(self, name: str) -> Lines:
        return Lines(self.stream, f"{self.prefix}{name}: ")

    def part_ended(self, name: str, summary: Summary) -> None:
        self._say(ending(name, summary))

    def _say(self, line: str) -> None:
        print(printable(self.prefix + line), file=self.stream, flush=True)
        self._said_at = time.monotonic()


def beginning(progress: Progress) -> list[str]:
    """What is said first: what runs, with which model, and what it can cost."""
    count = len(progress.rows)
    lines = [f"{progress.title}: {counted(count, 'unit')}"]
    if progress.asks:
        lines[0] += f", at most {progress.model_calls:,} model calls and {progress.tool_calls:,} tool calls"
        lines.append(f"model: {', '.join(progress.models) or 'none'}")
    if progress.before or progress.done_before:
        kept = counted(progress.before, "trial")
        lines.append(f"going on: {progress.done_before} of {count} done before, {kept} kept")
    return lines


def ending(name: str, summary: Summary) -> str:
    """What is said when a sub-workflow has come to its end, or was stopped."""
    kept = kept_in_words(summary.records)
    state = "complete" if summary.complete else f"{summary.done} of {counted(summary.units, 'unit')} done"
    return f"{name}: {state}{f', {kept}' if kept else ''}"


def whole(progress: Progress) -> str:
    """One line about the whole run."""
    meter = progress.meter
    parts = [f"{clock(progress.elapsed_s)} {progress.finished}/{len(progress.rows)} done"]
    if progress.trials:
        judged = any(row.judged for row in progress.rows.values())
        trials = f"{counted(progress.trials, 'trial')}, {progress.solved:,} solved"
        parts.append(trials if judged else counted(progress.trials, "record"))
    if progress.asks:
        parts.append(f"{meter.model_calls:,} of at most {progress.model_calls:,} model calls")
    elif meter.model_calls:
        parts.append(f"{meter.model_calls:,} model calls")
    if meter.retries:
        parts.append(f"{meter.retries:,} retries")
    if progress.left_s:
        parts.append(f"about {clock(progress.left_s)} left")
    return ", ".join(parts)
