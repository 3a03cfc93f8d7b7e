"""How far a run is: counts that a display reads, whatever it looks like."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ste_graph.compile.bounds import plan
from ste_graph.language.blocks import Block, Map, RecordBlock, Repeat, When
from ste_graph.language.workflow import Workflow
from ste_graph.models.meter import Meter
from ste_graph.run.step_log import Logged, StepLog
from ste_graph.run.watching import Watcher

State = Literal["waiting", "running", "done", "failed", "stopped"]


@dataclass(slots=True)
class Row:
    """One unit."""

    name: str
    trials: int = 0
    """Records kept: trials, where these are what the workflow keeps."""
    solved: int = 0
    judged: int = 0
    """Records that say whether they are solved."""
    state: State = "waiting"
    doing: str = ""
    """How far a node that takes a while is."""
    why: str | None = None

    def count(self, record: Mapping[str, object]) -> None:
        self.trials += 1
        self.solved += record.get("solved") is True
        self.judged += "solved" in record


@dataclass(slots=True)
class Progress:
    """The counts of a run under way."""

    title: str
    unit: str
    models: tuple[str, ...]
    rows: dict[str, Row]
    meter: Meter
    model_calls: int
    """At most, of the whole run."""
    tool_calls: int
    records: int
    """Records of one unit at most."""
    began: float = field(default_factory=time.monotonic)
    before: int = 0
    """Trials that were there when it began."""
    done_before: int = 0
    """Units that were done when it began."""
    asks: bool = True
    """Whether it asks anybody itself: training and evaluating do not, nor does what only runs other workflows."""

    @property
    def trials(self) -> int:
        return sum(row.trials for row in self.rows.values())

    @property
    def solved(self) -> int:
        return sum(row.solved for row in self.rows.values())

    @property
    def finished(self) -> int:
        return sum(row.state == "done" for row in self.rows.values())

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.began

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest takes at the pace so far, if every loop runs to its bound.

        None before there is a pace; and where nobody is asked, for there a bound is a precaution and tells no size.
        """
        if not self.asks:
            return None
        new = self.trials - self.before
        left = sum(
            max(0, self.records - row.trials) for row in self.rows.values() if row.state in ("waiting", "running")
        )
        return self.elapsed_s * left / new if new else None


def progress_of(workflow: Workflow, logs: Mapping[str, StepLog], meter: Meter) -> Progress:
    """The counts at the beginning: what the logs hold."""
    rows = {name: Row(name) for name in logs}
    for name, log in logs.items():
        for step in log.recorded:
            rows[name].count(step.record or {})
        rows[name].state = "done" if log.done else "waiting"
    bound = plan(workflow) * len(logs)
    labels = {workflow.models[name].label: None for spec in workflow.nodes.values() for name in spec.models.values()}
    title = ", ".join(filter(None, [workflow.name, workflow.variant]))
    return Progress(
        title=title,
        unit=workflow.unit if workflow.over else "unit",
        models=tuple(labels),
        rows=rows,
        meter=meter,
        model_calls=bound.model_calls,
        tool_calls=bound.tool_calls,
        records=records_at_most(workflow.blocks),
        before=sum(row.trials for row in rows.values()),
        done_before=sum(log.done for log in logs.values()),
        asks=not workflow.sub_workflows and bool(bound.model_calls or bound.tool_calls),
    )


def records_at_most(blocks: Sequence[Block]) -> int:
    """Records that one pass over the blocks makes at most."""
    found = 0
    for block in blocks:
        match block:
            case RecordBlock():
                found += 1
            case Repeat(do=do, bound=bound):
                found += bound * records_at_most(do)
            case Map(do=do, bound=bound):
                found += (bound or 0) * records_at_most(do)
            case When(do=do, otherwise=otherwise):
                found += max(records_at_most(do), records_at_most(otherwise))
    return found


class Counting(Watcher):
    """A watcher that keeps `progress` true; displays build on it."""

    progress: Progress | None = None

    def began(self, workflow: Workflow, logs: Mapping[str, StepLog], meter: Meter) -> None:
        self.progress = progress_of(workflow, logs, meter)

    def step(self, unit: str, step: Logged, *, replayed: bool) -> None:
        if self.progress is None:
            return
        row = self.progress.rows[unit]
        row.state, row.doing = "running", ""
        if step.record is not None and not replayed:
            row.count(step.record)

    def working(self, unit: str, what: str) -> None:
        if self.progress is not None:
            row = self.progress.rows[unit]
            row.state, row.doing = "running", what

    def ended(self, unit: str, log: StepLog) -> None:
        if self.progress is None:
            return
        row = self.progress.rows[unit]
        row.state = "done" if log.done else "failed" if log.failure else "stopped"
        row.why = log.failure


def clock(seconds: float) -> str:
    """A span of time as people read it: `0:07`, `12:30`, `3:05:00`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
