"""Exemplars from the journal of a run."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.finished import open_run
from ste_graph.records import Trial

from .exemplar import Exemplar, of_trial, run_id
from .exemplar_log import why

_log = logging.getLogger("ste_graph.memory")
_LOCK = "workflow.lock.yaml"


def is_run(path: Path) -> bool:
    """Whether a folder is that of a run."""
    return (path / _LOCK).is_file()


def harvested(path: Path) -> list[Exemplar]:
    """Every trial of a run in which a call was made, as an exemplar with the gates that it passed.

    A damaged line of the journal is left out, and named in a warning. Raises `WorkflowError` if there is no run.
    """
    run = open_run(path)
    id = run_id(run.lock)
    found = (_exemplar(place, line, id) for place, line in _lines(run.folder.journal))
    return [exemplar for exemplar in found if exemplar is not None]


def _exemplar(place: str, line: Mapping[str, Json], run: str) -> Exemplar | None:
    if line.get("record") != "trial":
        return None
    try:
        trial = Trial.model_validate({name: line[name] for name in Trial.model_fields if name in line})
        tool = line.get("tool")
        return of_trial(line, trial, tool if isinstance(tool, str) else "", run)
    except (ValidationError, KeyError) as error:
        said = why(error) if isinstance(error, ValidationError) else f"no {error}"
        _log.warning("%s: this trial is left out (%s); the rest is used", place, said)
        return None


def _lines(journal: Path) -> Iterator[tuple[str, Mapping[str, Json]]]:
    try:
        with journal.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                place = f"{journal}:{number}"
                try:
                    value = json.loads(line)
                except (ValueError, RecursionError):
                    value = None
                if isinstance(value, dict):
                    yield place, value
                else:
                    _log.warning("%s: this line is damaged and left out; the rest is used", place)
    except FileNotFoundError:
        return
    except OSError as error:
        raise WorkflowError(f"{journal}: cannot be read ({error.strerror})") from error
