"""Runs on disk, opened for reading: their records as typed objects."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, overload

from pydantic import ValidationError

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.jsonl import LineFile
from ste_graph.files.regular import is_regular
from ste_graph.garbage import without_collector
from ste_graph.records import Record, Trial
from ste_graph.run.folder import SUB_RUNS, RunFolder
from ste_graph.run.lock_file import run_id
from ste_graph.run.logs.journal import Journal, count_records, logged_records, read_records
from ste_graph.run.logs.step_log import StepLog, open_logs
from ste_graph.run.summary import Summary, resolve_labels, summarise
from ste_graph.suggest import closest

RecordType = TypeVar("RecordType", bound=Record)

_SHOWN = 8
"""The number of runs that an error names; the rest is counted."""


@dataclass(frozen=True, slots=True)
class JournalTrial:
    """A trial with its place in the run. The trial's own fields and the loops' counters are attributes of it."""

    id: str
    tool: str
    loops: dict[str, Json]
    """The counters of the loops around the record, from 0, by name."""
    started: str
    ended: str
    trial: Trial
    line: dict[str, Json]
    """The whole line of the journal."""

    def __getattr__(self, name: str) -> Any:
        if name in Trial.model_fields:
            return getattr(self.trial, name)
        if name in self.loops:
            return self.loops[name]
        raise AttributeError(name)


class Trials(Sequence[JournalTrial]):
    """Trials in the journal's order."""

    def __init__(self, trials: Sequence[JournalTrial]) -> None:
        self._trials = list(trials)

    @overload
    def __getitem__(self, index: int) -> JournalTrial: ...
    @overload
    def __getitem__(self, index: slice) -> Trials: ...
    def __getitem__(self, index: int | slice) -> JournalTrial | Trials:
        return Trials(self._trials[index]) if isinstance(index, slice) else self._trials[index]

    def __len__(self) -> int:
        return len(self._trials)

    def where(self, condition: Callable[[JournalTrial], bool]) -> Trials:
        """The trials for which `condition` is true."""
        return Trials([trial for trial in self._trials if condition(trial)])

    def to_pandas(self) -> Any:
        """A data frame with one row per trial. Raises `WorkflowError` where pandas is not installed."""
        try:
            import pandas  # type: ignore[import-untyped]
        except ImportError as error:
            raise WorkflowError("`to_pandas` needs pandas: pip install pandas") from error
        return pandas.DataFrame([trial.line for trial in self._trials])


class FinishedRun:
    """A run's folder, opened for reading; the run may still be going on."""

    def __init__(self, path: Path) -> None:
        self.folder = RunFolder(path)
        self.path = path
        lock = self.folder.read_lock()
        if lock is None:
            reason = f"{path}: is not the folder of a run (it has no {self.folder.lock.name})"
            raise WorkflowError(f"{reason}. {describe_runs(path)}Start one with `ste run WORKFLOW`.")
        self.lock = lock
        if not self.folder.journal.exists() and (records := logged_records(self.logs())):
            Journal(self.folder.journal, records).close()  # it was lost, and is made from the step logs

    @property
    def id(self) -> str:
        """The identity of the run, wherever its folder is: two runs of one workflow give their records equal ids."""
        return run_id(self.lock)

    @property
    def labels(self) -> dict[str, str]:
        """The label of each model that the run asks, by its name in the workflow."""
        return resolve_labels(self.path, self.lock.get("models", {}))

    @property
    def sub_runs(self) -> list[FinishedRun]:
        """The runs inside its folder: those of its sub-workflows, and of theirs."""
        return [FinishedRun(lock.parent) for lock in sorted((self.path / SUB_RUNS).rglob(self.folder.lock.name))]

    def records(self, record: str | None = None, *, unit: str | None = None) -> Iterator[dict[str, Json]]:
        """The journal's lines: all, or those of one type of record, or of one unit; no other line is parsed."""
        return (line for _, line in read_records(self.folder.journal, record=record, unit=unit))

    def count_records(self) -> Counter[str]:
        """The number of records of each type; no line is parsed for it."""
        return count_records(self.folder.journal)

    def typed_records(self, cls: type[RecordType], record: str) -> Iterator[tuple[RecordType, dict[str, Json]]]:
        """The records of one type, each typed and as its line. Raises `WorkflowError` that names a damaged line."""
        for number, line in read_records(self.folder.journal, record=record):
            try:
                yield cls.from_line(line), line
            except ValidationError:
                raise LineFile(self.folder.journal).damaged_line(number) from None

    def each_trial(self, tool: str | None = None) -> Iterator[JournalTrial]:
        """The trials, typed, one after the other: all, or those of one tool; no other line is parsed."""
        for number, line in read_records(self.folder.journal, record="trial", unit=tool):
            try:
                yield _read_trial(line)
            except (KeyError, ValidationError):
                raise LineFile(self.folder.journal).damaged_line(number) from None

    def trials(self, tool: str | None = None) -> Trials:
        """The trials, typed: all, or those of one tool."""
        with without_collector():
            return Trials([*self.each_trial(tool)])

    def logs(self, unit: str | None = None) -> dict[str, StepLog]:
        """The step log of each unit, or of one, as it is now."""
        return open_logs(self.folder, self.lock, unit)

    def summary(self) -> Summary:
        """The summary of the run so far."""
        return summarise(self.path, self.logs(), self.lock, self.labels)


def describe_runs(path: Path) -> str:
    """The runs in a folder, in the one around it or in its `runs/`, as a sentence and a space; empty without any."""
    for folder in (path, path.parent, path.parent / "runs"):
        with suppress(OSError):
            if runs := {run.name: str(run) for run in sorted(folder.iterdir()) if is_run(run)}:
                near = closest(path.name, runs)
                names = list(runs.values())
                more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
                hint = f"Did you mean {runs[near]}? " if near else ""
                return f"{hint}Runs here: {', '.join(names[:_SHOWN])}{more}. "
    return ""


def part_names(part: FinishedRun, whole: FinishedRun) -> list[str]:
    """The names that lead from a run to a part of it; none for the run itself."""
    inner = part.path.relative_to(whole.path).as_posix()
    return [name for name in inner.split("/") if name not in (SUB_RUNS, ".")]


def is_run(path: Path) -> bool:
    """True if a folder is that of a run."""
    return is_regular(RunFolder(path).lock)


def open_run(path: str | os.PathLike[str]) -> FinishedRun:
    """Open the folder of a run. Raises `WorkflowError` if it is not one."""
    return FinishedRun(Path(path))


ENGINE_KEYS = frozenset({"id", "record", "started", "ended"})


def _read_trial(line: dict[str, Json]) -> JournalTrial:
    trial = Trial.from_line(line)
    others = {k: v for k, v in line.items() if k not in Trial.model_fields and k not in ENGINE_KEYS}
    unit = next(iter(others), None)
    tool = str(others.pop(unit)) if unit else ""
    return JournalTrial(line["id"], tool, others, line["started"], line["ended"], trial, line)
