"""The parts of a run that hold trials or replies, read for an export."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ste_graph.contracts import Json
from ste_graph.distil.facts import TrialFacts, read_run_facts
from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun, part_names
from ste_graph.report.entries import Fates
from ste_graph.report.outcomes import Line, unit_of
from ste_graph.report.steps import RECORDS, group_by_record, split_key
from ste_graph.run.lock_file import accepted_lock
from ste_graph.run.logged_step import LoggedStep
from ste_graph.run.step_log import StepLog
from ste_graph.suggest import did_you_mean, list_choices
from ste_graph.text import count_noun


@dataclass(frozen=True)
class ExportRecord:
    """A trial or a reply, with the steps that led to it, and what is known of it beside its own record."""

    line: Line
    unit: str
    steps: Sequence[LoggedStep] = ()
    facts: TrialFacts | None = None
    """What a trial's records show beside the model's verdict."""
    fate: tuple[str, str] | None = None
    """What gates made of a trial: `kept`, or the gate, and why; None where no gate has seen it."""


@dataclass(frozen=True)
class FailedUnit:
    """A unit that failed: why, and the steps after its last record."""

    unit: str
    why: str
    steps: Sequence[LoggedStep]


@dataclass
class ExportPart:
    """A run, or a part of one, with its records."""

    run: FinishedRun
    name: str
    """`explore`, or `explore-0` for one that ran in a loop; the workflow's own name for the run itself."""
    lines: dict[str, list[Line]] = field(default_factory=dict)

    @cached_property
    def lock(self) -> Mapping[str, Json]:
        return accepted_lock(self.run.lock)

    @cached_property
    def logs(self) -> Mapping[str, StepLog]:
        return self.run.logs()

    @property
    def workflow(self) -> Mapping[str, Json]:
        """The workflow as it was resolved."""
        found: Mapping[str, Json] = self.lock["resolved"]["workflow"]
        return found

    def records(self, fates: Fates) -> list[ExportRecord]:
        """The trials and replies, unit by unit; and the trials that only what was distilled from them holds."""
        found, seen = [], set()
        for unit, log in self.logs.items():
            for line, steps in _with_steps(log):
                seen.add(str(line["id"]))
                facts = read_run_facts(line, self.lock) if line["record"] == "trial" else None
                found.append(ExportRecord(line, unit, steps, facts, fates.gates.get(str(line["id"]))))
        own = {str(line["id"]) for line in self.lines.get("trial", ())}
        if not own and (self.lines.get("rejected") or self.lines.get("example")):
            found += [
                ExportRecord(trial, unit_of(trial), fate=fates.gates.get(id))
                for id, trial in fates.trials.items()
                if id not in seen
            ]
        return found

    def failures(self) -> list[FailedUnit]:
        """The units that failed."""
        failed = []
        for unit, log in self.logs.items():
            if log.failure is not None:
                steps = list(log.finished.values())
                last = max((number for number, step in enumerate(steps) if step.record is not None), default=-1)
                failed.append(FailedUnit(unit, log.failure, steps[last + 1 :]))
        return failed


def read_parts(run: FinishedRun) -> tuple[list[ExportPart], Fates]:
    """The run and its parts, and what gates made of its trials. Raises `WorkflowError` where a file is damaged."""
    parts, fates = [], Fates()
    for each in (run, *run.sub_runs):
        own = str(accepted_lock(each.lock)["resolved"]["workflow"]["name"])
        part = ExportPart(each, "-".join(part_names(each, run)) or own)
        for line in each.records():
            part.lines.setdefault(str(line["record"]), []).append(line)
        fates.add(each, [line for kind in ("candidate", "rejected", "example") for line in part.lines.get(kind, ())])
        parts.append(part)
    explored = {str(line["id"]) for part in parts for line in part.lines.get("trial", ())}
    fates.trials = {id: trial for id, trial in fates.trials.items() if id not in explored}
    return parts, fates


def choose_part(parts: Sequence[ExportPart], name: str | None) -> list[ExportPart]:
    """The parts, or the one of this name. Raises `WorkflowError` if there is none."""
    if name is None:
        return list(parts)
    chosen = [part for part in parts if part.name == name]
    if not chosen:
        names = [part.name for part in parts]
        raise WorkflowError(
            f"{parts[0].run.path}: has no part `{name}`; {did_you_mean(name, names)}parts: {list_choices(names)}"
        )
    return chosen


def describe_records(parts: Sequence[ExportPart]) -> str:
    """What parts hold, as in `240 trials`."""
    counts = Counter({kind: len(lines) for part in parts for kind, lines in part.lines.items()})
    return ", ".join(count_noun(number, kind) for kind, number in sorted(counts.items())) or "no records yet"


def _with_steps(log: StepLog) -> list[tuple[Line, Sequence[LoggedStep]]]:
    steps = list(log.finished.values())
    keys = {step.key: split_key(step.key) for step in steps}
    grouped = [(step.record, own) for step, own in group_by_record(steps, keys) if step.record is not None]
    return [(line, own) for line, own in grouped if line.get("record") in RECORDS]
