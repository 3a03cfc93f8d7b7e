"""Exemplars from the journal of a run: the trials of one that explored, or what `distil.yaml` has kept of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from ste_graph.contracts import Json
from ste_graph.distil.example import Example
from ste_graph.files.jsonl import read_objects
from ste_graph.finished import open_run
from ste_graph.memory.exemplars.exemplar import Exemplar, of_example, of_trial
from ste_graph.memory.exemplars.log import why
from ste_graph.records import Record, Trial

_log = logging.getLogger("ste_graph.memory")


def harvested(path: Path, *, reworded: bool = False) -> list[Exemplar]:
    """Every trial of a run in which a call was made, as an exemplar with the gates that it passed.

    Of a run of `distil.yaml`, the examples for training that are a call; never one that is held out, and only with
    `reworded` those that say the request of another one in other words.

    A damaged line of the journal is left out, and named in a warning. Raises `WorkflowError` if there is no run.
    """
    run = open_run(path)
    found = (_exemplar(place, line, run.id, reworded) for place, line in _lines(run.folder.journal))
    return [exemplar for exemplar in found if exemplar is not None]


def _exemplar(place: str, line: Mapping[str, Json], run: str, reworded: bool) -> Exemplar | None:
    record = line.get("record")
    try:
        if record == "trial":
            trial = Trial.model_validate(_own(line, Trial))
            tool = line.get("tool")
            return of_trial(line, trial, tool if isinstance(tool, str) else "", run)
        if record == "example":
            example = Example.model_validate(_own(line, Example))
            return None if example.paraphrase_of is not None and not reworded else of_example(line, example, run)
    except (ValidationError, KeyError) as error:
        said = why(error) if isinstance(error, ValidationError) else f"no {error}"
        _log.warning("%s: this %s is left out (%s); the rest is used", place, record, said)
    return None


def _own(line: Mapping[str, Json], record: type[Record]) -> dict[str, Json]:
    return {name: line[name] for name in record.model_fields if name in line}


def _lines(journal: Path) -> Iterator[tuple[str, Mapping[str, Json]]]:
    for number, value in read_objects(journal):
        place = f"{journal}:{number}"
        if value is None:
            _log.warning("%s: this line is damaged and left out; the rest is used", place)
        else:
            yield place, value
