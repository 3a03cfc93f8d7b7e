"""Runs behind a decision: found by what locks name, wherever the whole has been moved to since."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun, is_run, open_run
from ste_graph.scoring.evaluation import Evaluation

DECIDE: Final = "ste run gain"


def find_evaluation(path: Path) -> Evaluation:
    """The last evaluation of a run. Raises `WorkflowError` if it has none."""
    return locate_evaluation(path, open_run(path))[2]


def locate_evaluation(path: Path, run: FinishedRun) -> tuple[FinishedRun, dict[str, Json], Evaluation]:
    """The last evaluation of a run, or of the only one of its parts that has some."""
    found = {part.path: (part, lines) for part in (run, *run.sub_runs) if (lines := [*part.records("evaluation")])}
    if not found:
        raise WorkflowError(
            f"{path}: holds no decision (no evaluation of a test), so that there is nothing proven to pack; expected a "
            f"run of gain or evaluate: {DECIDE}"
        )
    if run.path in found:
        found = {run.path: found[run.path]}
    if len(found) > 1:
        raise WorkflowError(
            f"{path}: several parts of the run hold a decision; name one of them: {', '.join(map(str, found))}"
        )
    ((part, lines),) = found.values()
    line = lines[-1]
    try:
        return part, line, Evaluation.from_line(line)
    except ValidationError as error:
        raise WorkflowError(f"{part.folder.journal}: the evaluation is damaged; evaluate again with --out") from error


def list_siblings(run: FinishedRun) -> list[FinishedRun]:
    """The other parts of the run that a run is a part of; what cannot be read is left out."""
    found = []
    for folder in sorted(run.path.resolve().parent.iterdir()):
        with suppress(WorkflowError):
            found += [open_run(folder)] if is_run(folder) else []
    return found


def workflow_of(run: FinishedRun) -> Mapping[str, Any]:
    """The workflow of a run, as its lock has it."""
    found: Mapping[str, Any] = (run.lock.get("resolved") or {}).get("workflow") or {}
    return found


def list_named_runs(run: FinishedRun, use: str, key: str) -> list[str]:
    """The runs that the `data:` of a run names under `key` of its entries with this `use`."""
    entries = [entry for entry in (workflow_of(run).get("data") or {}).values() if isinstance(entry, Mapping)]
    named = [entry[key] for entry in entries if entry.get("use") == use and entry.get(key)]
    return [name for own in named for name in (own if isinstance(own, list) else [own])]


def locate_run(named: list[str], nearby: list[FinishedRun], what: str) -> FinishedRun:
    """The run that a lock names by its folder: a part of the same run first, which may have moved since."""
    if len(named) != 1:
        raise WorkflowError(f"{what} is not known: expected one, and its settings name {', '.join(named) or 'none'}")
    place = Path(named[0])
    if alike := [run for run in nearby if run.path.name == place.name]:
        return alike[0]
    if not is_run(place):
        raise WorkflowError(f"{what} is not there any more ({place}); put it back, or run the test again")
    return open_run(place)


def locate_by_id(id: str, hint: str, nearby: list[FinishedRun], what: str) -> FinishedRun:
    """The run with this id: a part of the same run, or where it was. Raises `WorkflowError`."""
    found = next((run for run in nearby if run.id == id), None)
    if found is None and is_run(Path(hint)) and (there := open_run(hint)).id == id:
        found = there
    if found is None:
        raise WorkflowError(f"{what} ({id[:12]}) is neither a part of this run nor at {hint} any more; put it back")
    return found


def find_origins(distilled: FinishedRun) -> dict[str, FinishedRun]:
    """The run that was distilled, if it is still there."""
    named = list_named_runs(distilled, "trials", "run")
    try:
        return {"explore": locate_run(named, list_siblings(distilled), "")}
    except WorkflowError:
        return {}
