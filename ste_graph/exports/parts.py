"""The parts of a run that hold trials or replies, read for an export: without control characters and paths of here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.distil.facts import TrialFacts
from ste_graph.distil.run_facts import RunFacts
from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun, is_run, part_names
from ste_graph.grouping import group
from ste_graph.packs.runs import list_named_runs
from ste_graph.report.content import hidden_paths, make_safe
from ste_graph.report.entries import Fates
from ste_graph.report.outcomes import Line, unit_of_line
from ste_graph.report.steps import RECORDS, group_by_record, split_key
from ste_graph.run.lock_file import accepted_lock
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.logs.step_log import StepLog
from ste_graph.run.summary import Summary, summarise
from ste_graph.scoring.verdict import Question
from ste_graph.suggest import did_you_mean, list_choices


@dataclass(frozen=True)
class ExportRecord:
    """A trial or a reply, with the steps that led to it, and all that is known of it besides its own record."""

    line: Line
    unit: str
    steps: Sequence[LoggedStep] = ()
    facts: TrialFacts | None = None
    """The facts that a trial's records show besides the model's verdict."""
    fate: tuple[str, str] | None = None
    """The verdict of the gates on a trial: `kept`, or the gate, and the reason; None if no gate has seen it."""
    verdict: bool | None = None
    """The judge's verdict on a reply, which an evaluation asked for as its rules do not decide; None: not asked."""


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
    hidden: re.Pattern[str]
    """Finds the paths of this machine, see `make_safe`."""
    lines: dict[str, list[Line]] = field(default_factory=dict)
    read: Sequence[FinishedRun] = ()
    """The runs with the replies that it evaluates, where these are no parts of the same run."""

    @cached_property
    def lock(self) -> Mapping[str, Json]:
        found: Mapping[str, Json] = make_safe(self._lock, self.hidden)
        return found

    @cached_property
    def _lock(self) -> Mapping[str, Json]:
        return accepted_lock(self.run.lock)

    @cached_property
    def logs(self) -> Mapping[str, StepLog]:
        return self.run.logs()

    @cached_property
    def summary(self) -> Summary:
        """The summary of the run so far."""
        return summarise(self.run.path, self.logs, self.run.lock, self.run.lock.get("models", {}))

    @property
    def workflow(self) -> Mapping[str, Json]:
        """The workflow as it was resolved."""
        found: Mapping[str, Json] = self.lock["resolved"]["workflow"]
        return found

    def records(self, fates: Fates, verdicts: Mapping[str, bool]) -> list[ExportRecord]:
        """The trials and replies, unit by unit; those that it evaluates; and the trials that it was distilled from.

        `verdicts` are the judge's, by the key of the question.
        """
        found, seen, known = [], set(), RunFacts(self.run.id, self._lock)
        logs = [*self.logs.items(), *(log for run in self.read for log in run.logs().items())]
        for unit, log in logs:
            for line, steps in _with_steps(log):
                seen.add(str(line["id"]))
                is_trial = line["record"] == "trial"
                facts = known.of(line) if is_trial else None
                verdict = None if is_trial else _find_verdict(line, verdicts)
                fate = fates.gates.get(str(line["id"]))
                found.append(self._record(ExportRecord(line, unit, steps, facts, fate, verdict)))
        known.keep()
        own = {str(line["id"]) for line in self.lines.get("trial", ())}
        if not own and (self.lines.get("rejected") or self.lines.get("example")):
            found += [
                self._record(ExportRecord(trial, unit_of_line(trial), fate=fates.gates.get(id)))
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
                why: str = make_safe(log.failure, self.hidden)
                failed.append(FailedUnit(str(make_safe(unit, self.hidden)), why, self._steps(steps[last + 1 :])))
        return failed

    def _record(self, record: ExportRecord) -> ExportRecord:
        """The record with all its texts made safe."""
        fate = make_safe(record.fate, self.hidden)
        return replace(
            record,
            line=make_safe(record.line, self.hidden),
            unit=str(make_safe(record.unit, self.hidden)),
            steps=self._steps(record.steps),
            fate=None if fate is None else (fate[0], fate[1]),
        )

    def _steps(self, steps: Sequence[LoggedStep]) -> list[LoggedStep]:
        """The same for steps."""
        hidden = self.hidden
        return [
            replace(step, outputs=make_safe(step.outputs, hidden), messages=make_safe(step.messages, hidden))
            for step in steps
        ]


@dataclass
class ExportRun:
    """A run with its parts, and what they say of one another's trials and replies."""

    parts: list[ExportPart]
    fates: Fates
    """The verdicts of the gates on its trials."""
    verdicts: dict[str, bool]
    """The judge's verdicts, by the key of the question."""
    decision: Line | None
    """The last evaluation, if any."""


def read_run(run: FinishedRun) -> ExportRun:
    """The run, its parts, and the replies that it evaluates. Raises `WorkflowError` where a file is damaged."""
    parts, fates, hidden = [], Fates(), hidden_paths(run.path)
    for each in (run, *run.sub_runs):
        own = str(accepted_lock(each.lock)["resolved"]["workflow"]["name"])
        part = ExportPart(each, "-".join(part_names(each, run)) or own, hidden)
        part.lines = group((str(line["record"]), line) for line in each.records())
        fates.add(each, [line for kind in ("candidate", "rejected", "example") for line in part.lines.get(kind, ())])
        parts.append(part)
    explored = {str(line["id"]) for part in parts for line in part.lines.get("trial", ())}
    fates.trials = {id: trial for id, trial in fates.trials.items() if id not in explored}
    evaluations = [(part, line) for part in parts for line in part.lines.get("evaluation", ())]
    for part, _ in evaluations:
        named = [Path(name) for name in list_named_runs(part.run, "replies", "runs")]
        if not any(each.lines.get("reply") for each in parts):
            part.read = [FinishedRun(name) for name in named if is_run(name)]
    asked = [line for part in parts for line in part.lines.get("verdict", ())]
    verdicts = {str(line["key"]): line["right"] for line in asked if isinstance(line.get("right"), bool)}
    return ExportRun(parts, fates, verdicts, make_safe(evaluations[-1][1], hidden) if evaluations else None)


def choose_part(parts: Sequence[ExportPart], name: str | None) -> list[ExportPart]:
    """The parts, or the one of this name. Raises `WorkflowError` if no part has it."""
    if name is None:
        return list(parts)
    chosen = [part for part in parts if part.name == name]
    if not chosen:
        names = [part.name for part in parts]
        raise WorkflowError(
            f"{parts[0].run.path}: has no part `{name}`; {did_you_mean(name, names)}parts: {list_choices(names)}"
        )
    return chosen


def _find_verdict(line: Line, verdicts: Mapping[str, bool]) -> bool | None:
    if not verdicts or not line.get("api_match") or line.get("kind", "call") != "call":
        return None
    gold = line["gold"]
    question = Question(gold["tool"], str(line["query"]), gold.get("arguments") or {}, line.get("arguments") or {})
    return verdicts.get(question.key)


def _with_steps(log: StepLog) -> list[tuple[Line, Sequence[LoggedStep]]]:
    steps = list(log.finished.values())
    keys = {step.key: split_key(step.key) for step in steps}
    grouped = [(step.record, own) for step, own in group_by_record(steps, keys) if step.record is not None]
    return [(line, own) for line, own in grouped if line.get("record") in RECORDS]
