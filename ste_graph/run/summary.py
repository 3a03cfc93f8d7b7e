"""The summary: what a run has come to, over every time it was taken up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ste_graph.contracts import Json
from ste_graph.run.folder import LOCK, PARTS, RunFolder
from ste_graph.run.step_log import StepLog, Used

StoppedBy = Literal["interrupt", "budget"]


@dataclass(slots=True)
class Summary:
    """Counts are the whole run's, replayed steps included."""

    run: Path
    units: int = 0
    done: int = 0
    records: Counter[str] = field(default_factory=Counter)
    used: Used = field(default_factory=Used)
    calls: Counter[str] = field(default_factory=Counter)
    """How many tool calls ended in which way (`ok`, `timeout`, …), those that never reached the tool included."""
    failed: dict[str, str] = field(default_factory=dict)
    """Per failed unit: why."""
    skipped: dict[str, Json] = field(default_factory=dict)
    """Per tool that was not explored: its effect, and the line that allows it."""
    loops: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each loop ended, by its name and why."""
    models: dict[str, str] = field(default_factory=dict)
    """The label of each model that the run asks, by its name in the workflow."""
    parts: dict[str, Json] = field(default_factory=dict)
    """Per sub-workflow that came to its end, by the step that ran it: what it gave, see `SubWorkflowOutputs`."""
    remarks: list[str] = field(default_factory=list)
    """What a person should know of besides, for example that a tool's schema is faulty."""
    stopped_by: StoppedBy | None = None
    reason: str | None = None

    @property
    def complete(self) -> bool:
        return self.done == self.units


def summary_of(
    run: Path, logs: Mapping[str, StepLog], skipped: Mapping[str, Json], models: Mapping[str, str]
) -> Summary:
    """The summary of what the step logs hold."""
    summary = Summary(run, units=len(logs), skipped=dict(skipped), models=dict(models))
    for unit, log in logs.items():
        summary.done += log.done
        summary.used.add(log.used)
        summary.calls.update(log.calls)
        summary.loops.update(log.loops)
        summary.records.update(log.records)
        summary.parts |= {key if len(logs) == 1 else f"{unit}: {key}": gives for key, gives in log.parts.items()}
        if log.failure is not None:
            summary.failed[unit] = log.failure
    if not summary.complete:
        summary.used.add(_in_open_parts(run, logs.values()))
    return summary


def _in_open_parts(run: Path, logs: Iterable[StepLog]) -> Used:
    """What sub-workflows have used that did not come to their end, so that no step of their caller tells of them."""
    ended = {str(gives["run"]).rpartition(f"/{PARTS}/")[2] for log in logs for gives in log.parts.values()}
    total, parts = Used(), run / PARTS
    for lock in sorted(parts.rglob(LOCK)):
        name = str(lock.parent.relative_to(parts))
        if f"/{PARTS}/" in name or name in ended:  # a part of a part counts with that one
            continue
        folder = RunFolder(lock.parent)
        own = [StepLog(folder.unit(unit)) for unit in (folder.read_lock() or {}).get("units", ())]
        for log in own:
            total.add(log.used)
        total.add(_in_open_parts(lock.parent, own))
    return total
