"""The summary of a run, over every time it was taken up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ste_graph.contracts import Json
from ste_graph.errors import BudgetSpentError
from ste_graph.models.prices import Prices, find_currency
from ste_graph.run.costs import locked_prices, money_spent
from ste_graph.run.folder import LOCK_FILE, SUB_RUNS, RunFolder
from ste_graph.run.logs.step_log import StepLog, open_logs
from ste_graph.run.logs.usage_counts import UsageCounts
from ste_graph.run.server_notes import ServerCounts, count_notes

StoppedBy = Literal["interrupt", "budget"]


UNRESOLVED = re.compile(r"<[\w.\[\]]+>")
"""The placeholder of a value that only the run knows."""


@dataclass(slots=True)
class Summary:
    """Counts are the whole run's, replayed steps included."""

    run: Path
    units: int = 0
    done: int = 0
    records: Counter[str] = field(default_factory=Counter)
    used: UsageCounts = field(default_factory=UsageCounts)
    calls: Counter[str] = field(default_factory=Counter)
    """The number of tool calls that ended in each way (`ok`, `timeout`, …), with those that never reached the tool."""
    failed: dict[str, str] = field(default_factory=dict)
    """The reason, per failed unit."""
    skipped: dict[str, Json] = field(default_factory=dict)
    """The effect of each tool that was not explored, and the line that allows it."""
    loops: Counter[tuple[str, str]] = field(default_factory=Counter)
    """The number of times that each loop ended, by its name and the reason."""
    models: dict[str, str] = field(default_factory=dict)
    """The label of each model that the run asks, by its name in the workflow."""
    sub_workflows: dict[str, Json] = field(default_factory=dict)
    """The outputs of each sub-workflow that came to its end, by the step that ran it, see `SubWorkflowOutputs`."""
    servers: ServerCounts = field(default_factory=ServerCounts)
    """The counts of what happened between the run and its model servers."""
    forked_from: Mapping[str, Json] | None = None
    """Of a fork: the run and the point from which it goes on, see `ste_graph.run.forks.fork`."""
    remarks: list[str] = field(default_factory=list)
    """Further things that a person should know, for example that a tool's schema is faulty."""
    stopped: dict[str, dict[str, Json]] = field(default_factory=dict)
    """The journal's record of each unit that a budget has stopped."""
    prices: Mapping[str, Prices] = field(default_factory=dict)
    """The prices of each model that has some, by its name in the workflow; those of parts as `PART.MODEL`."""
    spent: BudgetSpentError | None = None
    """The spent budget of the run, or of the whole that it is a part of."""
    stopped_by: StoppedBy | None = None
    reason: str | None = None

    @property
    def complete(self) -> bool:
        return self.done == self.units

    @property
    def money(self) -> float | None:
        """The cost of the replies; None if no model has a price."""
        return money_spent(self.used, self.prices) if self.prices else None

    @property
    def currency(self) -> str:
        """The currency of the prices."""
        return find_currency(self.prices.values()) or ""

    @property
    def fallbacks(self) -> dict[str, int]:
        """The number of replies that a model gave in place of another one, by `B for A`."""
        return {model: counts[0] for model, counts in self.used.models.items() if " for " in model}


def summarise(run: Path, logs: Mapping[str, StepLog], lock: Mapping[str, Json], models: Mapping[str, str]) -> Summary:
    """Return the summary of the step logs of a run with this lock."""
    skipped = dict(lock.get("skipped", {}))
    summary = Summary(
        run, units=len(logs), skipped=skipped, models=resolve_labels(run, models), servers=count_notes(run)
    )
    summary.forked_from = lock.get("forked_from")
    summary.prices = locked_prices(lock)
    for unit, log in logs.items():
        summary.done += log.done
        summary.used.add(log.used)
        summary.calls.update(log.calls)
        summary.loops.update(log.loops)
        summary.records.update(log.records)
        for key, outputs in log.sub_workflows.items():
            summary.sub_workflows[key if len(logs) == 1 else f"{unit}: {key}"] = outputs
        if log.failure is not None:
            summary.failed[unit] = log.failure
        if log.stopped is not None:
            summary.stopped[unit] = log.stopped
    if not summary.complete:
        summary.used.add(_used_in_open_runs(run, logs.values()))
    return summary


def resolve_labels(run: Path, labels: Mapping[str, str]) -> dict[str, str]:
    """The labels of models, with those that a run of a sub-workflow was given in the place of `<expression>`.

    A model of a sub-workflow that has not begun is left out where the run is still to say which one it is.
    """
    known = {name: label for name, label in labels.items() if not UNRESOLVED.search(label)}
    if len(known) == len(labels):
        return known
    found: dict[str, str] = {}
    for file in sorted((run / SUB_RUNS).rglob(LOCK_FILE)):
        names = [part.partition(".")[0] for part in file.parent.relative_to(run).parts]
        prefix = names[-1]
        if names.count(SUB_RUNS) == 1 and (lock := RunFolder(file.parent).read_lock()) is not None:
            inner = resolve_labels(file.parent, lock.get("models", {}))
            found |= {f"{prefix}.{name}": label for name, label in inner.items()}
    return {name: known.get(name) or found[name] for name in labels if name in known or name in found}


def _used_in_open_runs(run: Path, logs: Iterable[StepLog]) -> UsageCounts:
    """The usage of sub-workflows that did not come to their end, so that no step of their caller counts it."""
    outputs = (outputs for log in logs for outputs in log.sub_workflows.values())
    ended = {str(output["run"]).rpartition(f"/{SUB_RUNS}/")[2] for output in outputs}
    total, folder = UsageCounts(), run / SUB_RUNS
    for lock in sorted(folder.rglob(LOCK_FILE)):
        name = str(lock.parent.relative_to(folder))
        if f"/{SUB_RUNS}/" in name or name in ended:  # the run of a sub-workflow counts its own sub-workflows
            continue
        sub_run = RunFolder(lock.parent)
        sub_lock = sub_run.read_lock()
        own = list(open_logs(sub_run, sub_lock).values()) if sub_lock else []
        part = lock.parent.name.partition(".")[0]
        for log in own:
            total.add(log.used.of_part(part))
        total.add(_used_in_open_runs(lock.parent, own).of_part(part))
    return total
