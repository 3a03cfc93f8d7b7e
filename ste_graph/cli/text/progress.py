"""The progress of a run, as counts that any display can read."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ste_graph.compile.cost import max_unit_cost
from ste_graph.language.blocks import Block, Map, RecordBlock, Repeat, When
from ste_graph.language.workflow import Workflow
from ste_graph.models.meter import Meter
from ste_graph.run.context import Watcher
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.logs.step_log import StepLog

State = Literal["waiting", "running", "done", "failed", "stopped"]


@dataclass(slots=True)
class UnitProgress:
    """The progress of one unit."""

    name: str
    trials: int = 0
    """The number of records; of trials, if the workflow records them."""
    solved: int = 0
    judged: int = 0
    """The number of records with a verdict."""
    state: State = "waiting"
    activity: str = ""
    """The progress that a slow node reported last."""
    failure: str | None = None

    def count(self, record: Mapping[str, object]) -> None:
        self.trials += 1
        self.solved += record.get("solved") is True
        self.judged += "solved" in record


@dataclass(slots=True)
class RunProgress:
    """The counts of a run in progress."""

    title: str
    unit: str
    models: tuple[str, ...]
    rows: dict[str, UnitProgress]
    meter: Meter
    model_calls: int
    """The most of the whole run."""
    tool_calls: int
    records: int
    """The most records of one unit."""
    began: float = field(default_factory=time.monotonic)
    earlier_trials: int = 0
    """The number of trials that the run had when it was started."""
    done_earlier: int = 0
    """The number of units that were done when it was started."""
    has_calls: bool = True
    """True if it calls models or tools itself; training, evaluating and running other workflows do not."""

    @property
    def trials(self) -> int:
        return sum(row.trials for row in self.rows.values())

    @property
    def solved_count(self) -> int:
        return sum(row.solved for row in self.rows.values())

    @property
    def done_count(self) -> int:
        return sum(row.state == "done" for row in self.rows.values())

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.began

    @property
    def remaining_s(self) -> float | None:
        """The seconds that the rest takes at the pace so far, if every loop runs to its bound.

        None before there is a pace, and for a run without calls: its bounds are a precaution and tell no size.
        """
        if not self.has_calls:
            return None
        new = self.trials - self.earlier_trials
        left = sum(
            max(0, self.records - row.trials) for row in self.rows.values() if row.state in ("waiting", "running")
        )
        return self.elapsed_s * left / new if new else None


def initial_progress(workflow: Workflow, logs: Mapping[str, StepLog], meter: Meter) -> RunProgress:
    """The counts at the start, from the logs."""
    rows = {name: UnitProgress(name) for name in logs}
    for name, log in logs.items():
        for step in log.record_steps:
            rows[name].count(step.record or {})
        rows[name].state = "done" if log.done else "waiting"
    bound = max_unit_cost(workflow) * len(logs)
    labels = {workflow.models[name].label: None for spec in workflow.nodes.values() for name in spec.models.values()}
    title = ", ".join(filter(None, [workflow.name, workflow.variant]))
    return RunProgress(
        title=title,
        unit=workflow.unit if workflow.unit_map else "unit",
        models=tuple(labels),
        rows=rows,
        meter=meter,
        model_calls=bound.model_calls,
        tool_calls=bound.tool_calls,
        records=max_records(workflow.blocks),
        earlier_trials=sum(row.trials for row in rows.values()),
        done_earlier=sum(log.done for log in logs.values()),
        has_calls=not workflow.sub_workflows and bool(bound.model_calls or bound.tool_calls),
    )


def max_records(blocks: Sequence[Block]) -> int:
    """The most records of one pass over the blocks."""
    found = 0
    for block in blocks:
        match block:
            case RecordBlock():
                found += 1
            case Repeat(do=do, bound=bound):
                found += bound * max_records(do)
            case Map(do=do, bound=bound):
                found += (bound or 0) * max_records(do)
            case When(do=do, otherwise=otherwise):
                found += max(max_records(do), max_records(otherwise))
    return found


class CountingWatcher(Watcher):
    """A watcher that keeps `progress` up to date; displays build on it."""

    progress: RunProgress | None = None

    def run_start(self, workflow: Workflow, logs: Mapping[str, StepLog], meter: Meter) -> None:
        self.progress = initial_progress(workflow, logs, meter)

    def step(self, unit: str, step: LoggedStep, *, replayed: bool) -> None:
        if self.progress is None:
            return
        row = self.progress.rows[unit]
        row.state, row.activity = "running", ""
        if step.record is not None and not replayed:
            row.count(step.record)

    def node_progress(self, unit: str, text: str) -> None:
        if self.progress is not None:
            row = self.progress.rows[unit]
            row.state, row.activity = "running", text

    def unit_end(self, unit: str, log: StepLog) -> None:
        if self.progress is None:
            return
        row = self.progress.rows[unit]
        row.state = "done" if log.done else "failed" if log.failure else "stopped"
        row.failure = log.failure


def clock_text(seconds: float) -> str:
    """A duration as people read it: `0:07`, `12:30`, `3:05:00`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
