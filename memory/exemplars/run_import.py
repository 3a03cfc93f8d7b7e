"""Exemplars from the journal of a run: the trials of an exploration, or the training side of `distil.yaml`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from ste_graph.contracts import Json
from ste_graph.distil.example import Definition, Example
from ste_graph.errors import WorkflowError
from ste_graph.files.jsonl import read_objects
from ste_graph.finished import FinishedRun, is_run, open_run
from ste_graph.memory.exemplars.exemplar import Exemplar, exemplar_from_example, exemplar_from_trial
from ste_graph.memory.exemplars.folder import StoreFolder
from ste_graph.memory.exemplars.log import first_problem
from ste_graph.records import Record, Trial

_log = logging.getLogger("ste_graph.memory")
_SOURCES = ("trial", "example")


def exemplars_from_run(path: Path, *, reworded: bool = False) -> list[Exemplar]:
    """Every trial of a run in which a call was made, as an exemplar with the gates that it passed.

    Of a run of `distil.yaml`, the examples for training that are a call; never those that are held out, and only with
    `reworded` those that say the request of another one in other words.

    A damaged line of the journal is left out, and named in a warning. Raises `WorkflowError` if there is no run.
    """
    run = open_run(path)
    found = (_exemplar(place, line, run, reworded) for place, line in _lines(run.folder.journal))
    return [exemplar for exemplar in found if exemplar is not None]


def locate_run(path: Path) -> Path:
    """The run whose exemplars are meant by the folder of a run: itself, or the only part of it that has trials.

    Raises `WorkflowError`, naming the parts, if several have.
    """
    if _has_exemplars(path):
        return path
    parts = [part.path for part in open_run(path).sub_runs if _has_exemplars(part.path)]
    if len(parts) > 1:
        raise WorkflowError(
            f"{path}: has no trials of its own, but these parts of the run have; name one of them:\n"
            + "\n".join(f"  {part}" for part in parts)
        )
    return parts[0] if parts else path


def changes_folder(run: Path) -> StoreFolder:
    """The folder in a run that holds the exemplars added, changed or forgotten by hand; most runs have none."""
    return StoreFolder(run / "memory" / "exemplars")


def store_folder(path: Path) -> StoreFolder:
    """The folder of the store at `path`; of a run, that of its changes."""
    return changes_folder(path) if is_run(path) else StoreFolder(path)


def _has_exemplars(run: Path) -> bool:
    if changes_folder(run).exists:
        return True
    lines = read_objects(open_run(run).folder.journal)
    return any(line is not None and line.get("record") in _SOURCES for _, line in lines)


def _exemplar(place: str, line: Mapping[str, Json], run: FinishedRun, reworded: bool) -> Exemplar | None:
    record = line.get("record")
    try:
        if record == "trial":
            trial = Trial.model_validate(_fields(line, Trial))
            tool = line.get("tool")
            definition = _definition(run, next((s.action for s in reversed(trial.steps) if s.action), ""))
            return exemplar_from_trial(line, trial, tool if isinstance(tool, str) else "", definition, run.id)
        if record == "example":
            example = Example.model_validate(_fields(line, Example))
            wanted = example.paraphrase_of is None or reworded
            return exemplar_from_example(line, example, run.id) if wanted else None
    except (ValidationError, KeyError) as error:
        problem = first_problem(error) if isinstance(error, ValidationError) else f"no {error}"
        _log.warning("%s: this %s is left out (%s); the rest is used", place, record, problem)
    return None


def _definition(run: FinishedRun, tool: str) -> Definition:
    """A tool as the run knew it; without a schema if it was none of the run's."""
    schema, description = run.lock.get("schemas", {}).get(tool), run.lock.get("descriptions", {}).get(tool)
    return Definition(name=tool, description=description or "", parameters=schema or {})


def _fields(line: Mapping[str, Json], record: type[Record]) -> dict[str, Json]:
    return {name: line[name] for name in record.model_fields if name in line}


def _lines(journal: Path) -> Iterator[tuple[str, Mapping[str, Json]]]:
    for number, value in read_objects(journal):
        place = f"{journal}:{number}"
        if value is None:
            _log.warning("%s: this line is damaged and left out; the rest is used", place)
        else:
            yield place, value
