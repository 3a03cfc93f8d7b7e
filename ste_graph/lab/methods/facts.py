"""The facts of a run or of a workflow: what its lock file holds, or would hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ste_graph.contracts import Json, is_simulated
from ste_graph.errors import WorkflowError
from ste_graph.experiment import Experiment
from ste_graph.finished import FinishedRun, is_run, open_run
from ste_graph.run.lock_file import PACKAGES, accepted_lock, package_versions
from ste_graph.run.models import all_model_labels


@dataclass(frozen=True, slots=True)
class WorkflowFacts:
    """One workflow: an arm itself, or a sub-workflow of it."""

    name: str
    workflow: Mapping[str, Json]
    """The resolved workflow as plain data."""
    labels: Mapping[str, str]
    """The label of each model that is asked, by its name in the workflow."""
    prompts: Mapping[str, str]

    @property
    def params(self) -> Mapping[str, Json]:
        found: Mapping[str, Json] = self.workflow.get("params") or {}
        return found

    def section(self, name: str) -> dict[str, Json]:
        """A section of named entries; empty where the workflow has none."""
        found = self.workflow.get(name)
        return dict(found) if isinstance(found, Mapping) else {}


@dataclass(frozen=True, slots=True)
class ArmFacts:
    """One arm, as it was run or as a file describes it."""

    name: str
    """Its variant, or `base`."""
    resolved: Mapping[str, Json]
    labels: Mapping[str, str]
    """The label of each model, those of sub-workflows as `SUB.MODEL`."""
    lock: Mapping[str, Json] | None
    """The lock file; None for a workflow that was checked and not run."""
    seeds: Sequence[int] = ()
    """The seeds of its runs, if it has several."""

    @property
    def is_simulated(self) -> bool:
        """True if all its models are simulated, and there are any."""
        return bool(self.labels) and all(map(is_simulated, self.labels.values()))

    @property
    def simulated_models(self) -> list[str]:
        return [name for name, label in self.labels.items() if is_simulated(label)]

    def parts(self) -> Iterator[WorkflowFacts]:
        """The workflow, and its sub-workflows in order."""
        yield from _parts(self.resolved, self.labels, "")


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of the methods."""

    name: str
    file: str
    arms: Sequence[ArmFacts]
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of packages and of Python: those of the first arm's run, or of this installation."""
    run_at: str | None = None
    """The day of the first arm's run; None for a file."""


def facts_from_run(path: Path) -> Subject:
    """The facts of a run, or of the runs of an ablation. Raises `WorkflowError` if the folder is neither."""
    if is_run(path):
        return _subject([open_run(path)])
    runs = sorted(run for run in path.glob("*/seed-*") if is_run(run))
    return _subject([open_run(run) for run in runs] or [open_run(path)])  # the latter says where runs are


def facts_from_file(arms: Sequence[Experiment]) -> Subject:
    """The facts of the arms of a checked file."""
    found = [
        ArmFacts(arm.workflow.variant or "base", arm.workflow.lock, all_model_labels(arm.workflow), None)
        for arm in arms
    ]
    workflow = arms[0].workflow
    return Subject(workflow.name, workflow.file.name, found, package_versions())


def _subject(runs: Sequence[FinishedRun]) -> Subject:
    arms: dict[str, ArmFacts] = {}
    for run in runs:
        lock = accepted_lock(run.lock)
        arm = ArmFacts(lock["resolved"].get("variant") or "base", lock["resolved"], run.labels, lock)
        before = arms.get(arm.name)
        if before is not None and _without_seed(before.resolved) != _without_seed(arm.resolved):
            raise WorkflowError(
                f"{run.path}: the runs of `{arm.name}` differ in more than their seeds; show each alone"
            )
        seeds = [*(before.seeds if before else ()), int(arm.resolved["workflow"].get("seed") or 0)]
        arms[arm.name] = ArmFacts(arm.name, (before or arm).resolved, arm.labels, (before or arm).lock, seeds)
    first = runs[0].lock
    versions = {"Python": str(first.get("python")), **first.get("packages", {})}
    ordered = sorted(arms.values(), key=lambda arm: arm.name != "base")
    return Subject(
        str(first["resolved"]["workflow"]["name"]),
        str(first.get("file")),
        ordered,
        {name: versions[name] for name in ("Python", *PACKAGES) if name in versions},
        str(first.get("created"))[:10],
    )


def _without_seed(resolved: Mapping[str, Json]) -> dict[str, Json]:
    return {**resolved, "workflow": {name: value for name, value in resolved["workflow"].items() if name != "seed"}}


def _parts(resolved: Mapping[str, Json], labels: Mapping[str, str], name: str) -> Iterator[WorkflowFacts]:
    inner: Mapping[str, Mapping[str, Json]] = resolved.get("runs") or {}
    own = {model: label for model, label in labels.items() if model.partition(".")[0] not in inner or "." not in model}
    yield WorkflowFacts(name, resolved["workflow"], own, resolved.get("prompts") or {})
    for sub, lock in inner.items():
        below = {model.removeprefix(f"{sub}."): label for model, label in labels.items() if model.startswith(f"{sub}.")}
        yield from _parts(lock, below, f"{name}.{sub}" if name else sub)
