"""The sides of a comparison: a workflow file, a variant of one, or a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.experiment import Experiment
from ste_graph.finished import FinishedRun, describe_runs, open_run
from ste_graph.language.loading import Change
from ste_graph.language.source.files import bundled_workflows
from ste_graph.run.lock_file import accepted_lock
from ste_graph.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. It has an `experiment` or a `run`."""

    name: str
    """As a person named it."""
    resolved: Mapping[str, Json]
    """The workflow as plain data, see `ste_graph.language.lock`."""
    experiment: Experiment | None = None
    run: FinishedRun | None = None


def open_sides(a: str, b: str | None, variant: str | None = None, changes: Sequence[Change] = ()) -> tuple[Side, Side]:
    """Open what a person named: `FILE`, `FILE@VARIANT`, the name of a bundled workflow, or the folder of a run.

    With `variant`, `b` is that variant of `a` where it is None, and of its own file where it is given. Raises
    `WorkflowError` for what is not there, wrong, or of another version.
    """
    if b is None and variant is None:
        raise WorkflowError(f"`{a}` is compared with what? Give a second file or run, or --variant NAME")
    first, second = _parse(a), _parse(b if b is not None else a)
    if variant is not None:
        if second.is_run:
            raise WorkflowError(f"{second.path}: is a run, which has no variants; leave out --variant")
        if second.variant not in (None, variant) and b is not None:
            raise WorkflowError(f"`{b}` names the variant `{second.variant}`, and --variant another one, `{variant}`")
        second = _Named(second.path, variant, is_run=False)
        if b is None and first.variant is not None:
            raise WorkflowError(f"`{a}` names a variant itself; write `ste diff {first.path} --variant {variant}`")
    if changes and (first.is_run or second.is_run):
        raise WorkflowError("a run is what it is: --set is for workflow files")
    if not first.is_run and not second.is_run and first.path == second.path:
        return _open_arms(first, second, changes)
    return _open(first, changes), _open(second, changes)


@dataclass(frozen=True, slots=True)
class _Named:
    path: Path
    variant: str | None
    is_run: bool

    @property
    def name(self) -> str:
        return f"{self.path}@{self.variant}" if self.variant else str(self.path)

    @property
    def arm(self) -> tuple[str, ...]:
        return (self.variant,) if self.variant else ()


def _parse(text: str) -> _Named:
    path = Path(text)
    if path.is_dir():
        return _Named(path, None, is_run=True)
    if not path.exists() and "@" in text:
        file, _, variant = text.rpartition("@")
        return _Named(Path(file), variant or None, is_run=False)
    if not path.exists() and not path.suffix and text not in (known := bundled_workflows()):
        hint = did_you_mean(text, known)
        raise WorkflowError(
            f"{text}: is neither a workflow nor the folder of a run; {hint}bundled workflows: {', '.join(known)}. "
            f"{describe_runs(path)}".rstrip()
        )
    return _Named(path, None, is_run=False)


def _open_arms(first: _Named, second: _Named, changes: Sequence[Change]) -> tuple[Side, Side]:
    """Two arms of one file, which is read and checked once."""
    a, b = Experiment.load_arms(first.path, [first.arm, second.arm], set=changes)
    return Side(first.name, a.workflow.lock, a), Side(second.name, b.workflow.lock, b)


def _open(named: _Named, changes: Sequence[Change]) -> Side:
    if named.is_run:
        run = open_run(named.path)
        return Side(named.name, accepted_lock(run.lock)["resolved"], run=run)
    (experiment,) = Experiment.load_arms(named.path, [named.arm], set=changes)
    return Side(named.name, experiment.workflow.lock, experiment)
