"""Exemplars from the journal of a run: the trials of an exploration, or the training side of `distil.yaml`."""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import ValidationError

from ste_graph.errors import WorkflowError
from ste_graph.files.jsonl import LineFile
from ste_graph.finished import is_run, open_run
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.folder import StoreFolder
from ste_graph.memory.exemplars.log import first_problem
from ste_graph.run.logs.journal import record_types

_log = logging.getLogger("ste_graph.memory")
_SOURCES = ("trial", "example")


def exemplars_from_run(path: Path, *, reworded: bool = False) -> list[Exemplar]:
    """Every trial of a run in which a call was made, as an exemplar with the gates that it passed.

    Of a run of `distil.yaml`, the examples for training that are a call; never those that are held out, and only with
    `reworded` those that say the request of another one in other words.

    A damaged line of the journal is left out, and named in a warning. Raises `WorkflowError` if there is no run.
    """
    run = open_run(path)
    found: list[Exemplar] = []
    journal, lock, run_id = run.folder.journal, run.lock, run.id
    for number, line in LineFile(journal).numbered_lines():
        if line is None:
            _log.warning("%s:%d: this line is damaged and left out; the rest is used", journal, number)
            continue
        exemplar, record = None, line.get("record")
        try:
            if record == "trial":
                exemplar = Exemplar.from_trial(line, lock, run_id)
            elif record == "example":
                exemplar = Exemplar.from_example(line, run_id, reworded=reworded)
        except (ValidationError, KeyError) as error:
            problem = first_problem(error) if isinstance(error, ValidationError) else f"no {error}"
            _log.warning("%s:%d: this %s is left out (%s); the rest is used", journal, number, record, problem)
        if exemplar is not None:
            found.append(exemplar)
    return found


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
    return changes_folder(run).exists or any(
        record in _SOURCES for record in record_types(open_run(run).folder.journal)
    )
