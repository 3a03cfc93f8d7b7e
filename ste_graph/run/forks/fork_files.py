"""The things that a fork takes over besides steps: the parts, files and knowledge of memories that these refer to."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ste_graph.contracts import CarriedMemory, Json
from ste_graph.files.atomic import write_error
from ste_graph.language.workflow import Workflow
from ste_graph.run.folder import LOCK_FILE, SUB_RUNS, RunFolder
from ste_graph.run.forks.prefix import ForkError, Prefix
from ste_graph.run.lock_file import SHOWN
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.suggest import list_choices


def check_parts(origin: RunFolder, prefixes: Iterable[Prefix]) -> None:
    """Raise `ForkError` where a sub-workflow ran before the point, and its run is not in the folder any more."""
    for prefix in prefixes:
        for step in prefix.steps:
            if step.sub_workflow and not (origin.path / _part_name(step) / LOCK_FILE).is_file():
                raise ForkError(
                    f"{origin.shown / _part_name(step)}: the run of the part `{step.key}` is gone, which what follows "
                    "may read; restore it, or fork at an earlier point"
                )


class OwnedFiles:
    """Copies what steps refer to inside the folder of their run, so that the fork owns all that it reads."""

    def __init__(self, origin: RunFolder, folder: RunFolder, prefixes: Iterable[Prefix]) -> None:
        self._from = origin.path.resolve()
        self._to = folder.path.resolve()
        self._taken: dict[str, str] = {}
        # A run that was moved since has the paths of its old place in its steps.
        steps = (step for prefix in prefixes for step in prefix.steps if step.sub_workflow)
        self._roots = {str(self._from), *(str(step.outputs["run"]).rpartition(f"/{SUB_RUNS}/")[0] for step in steps)}

    def take(self, step: LoggedStep) -> LoggedStep:
        """The step, with its paths in the folder of the fork. Raises `RunError` if something cannot be copied."""
        record = None if step.record is None else {name: self._own(value) for name, value in step.record.items()}
        return replace(step, outputs={name: self._own(value) for name, value in step.outputs.items()}, record=record)

    def _own(self, value: Json) -> Json:
        match value:
            case str():
                return self._own_path(value)
            case list():
                return [self._own(each) for each in value]
            case dict():
                return {key: self._own(each) for key, each in value.items()}
            case _:
                return value

    def _own_path(self, text: str) -> str:
        if text in self._taken:
            return self._taken[text]
        for root in self._roots:
            name = text.removeprefix(f"{root}/")
            if name == text or "\n" in name or ".." in Path(name).parts:
                continue
            source, target = self._from / name, self._to / name
            try:
                if source.is_dir():
                    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".writer"))
                elif source.is_file():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(source, target)
                else:
                    continue
            except OSError as error:
                raise write_error(target, error) from error
            self._taken[text] = str(target)
            return self._taken[text]
        return text


def describe_parts(run: Path, lock: Mapping[str, Json], workflow: Workflow) -> str:
    """The parts of a run of another workflow that are runs of this one, as the end of a message; empty if none are."""
    name = lock["resolved"]["workflow"].get("name")
    if name == workflow.name:
        return ""
    parts = []
    for file in sorted((run / SUB_RUNS).rglob(LOCK_FILE)):
        part = RunFolder(file.parent).read_lock()
        if part is not None and part["resolved"]["workflow"].get("name") == workflow.name:
            parts.append(str(file.parent))
    more = f", whose parts {list_choices(parts)} are of `{workflow.name}`: fork one of these" if parts else ""
    return f". It is a run of `{name}`{more}"


def part_remarks(run: Path, changed: Sequence[str]) -> list[str]:
    """A remark on a part of another run, whose settings are not those with which that one ran it."""
    if not changed or not _is_part(run.resolve()):
        return []
    listed = "; ".join(changed[:SHOWN]) + (f"; and {len(changed) - SHOWN} more" if len(changed) > SHOWN else "")
    return [f"{run} is a part of a run that gave it other settings; what follows has those of the file: {listed}"]


def _is_part(run: Path) -> bool:
    """True if a folder is inside that of another run."""
    return any(part.name == SUB_RUNS and (part.parent / LOCK_FILE).is_file() for part in run.parents)


def carry_memories(
    origin: RunFolder, folder: RunFolder, workflow: Workflow, then: Mapping[str, Json], there: Mapping[str, Json]
) -> None:
    """Let memories know what they knew as the run began; `then` and `there` are the locks of the run and the fork.

    Raises `RunError` if something cannot be copied.
    """
    before, now = (lock["resolved"]["workflow"].get("memory", {}) for lock in (then, there))
    for name, spec in workflow.memories.items():
        known = origin.memory(name)
        if isinstance(spec.memory, CarriedMemory) and known.is_dir():
            old, new = (entry if isinstance(entry, dict) else {} for entry in (before.get(name), now.get(name)))
            changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
            try:
                spec.memory.carry_over(known, folder.memory(name), changed=changed)
            except OSError as error:
                raise write_error(folder.memory(name), error) from error


def _part_name(step: LoggedStep) -> Path:
    """The folder of a sub-workflow's run, within that of the run."""
    return Path(SUB_RUNS, str(step.outputs["run"]).rpartition(f"/{SUB_RUNS}/")[2])
