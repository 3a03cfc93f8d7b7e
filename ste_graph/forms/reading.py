"""Guidelines and rewritten descriptions in the journal of the run that wrote them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from pydantic import ValidationError

from ste_graph.files.jsonl import LineFile
from ste_graph.finished import FinishedRun
from ste_graph.forms.description import DescriptionRecord
from ste_graph.forms.guideline import GuidelineRecord
from ste_graph.records import Record

_Read = TypeVar("_Read", bound=Record)


def read_guidelines(run: FinishedRun) -> list[GuidelineRecord]:
    """The guidelines of a run, in the order of its journal. Raises `WorkflowError` for a damaged line."""
    return list(_read(run, "guideline", GuidelineRecord))


def read_descriptions(run: FinishedRun) -> list[DescriptionRecord]:
    """The descriptions of a run, in the order of its journal. Raises `WorkflowError` for a damaged line."""
    return list(_read(run, "description", DescriptionRecord))


def _read(run: FinishedRun, record: str, cls: type[_Read]) -> Iterator[_Read]:
    journal = LineFile(run.folder.journal)
    for number, line in enumerate(journal.lines(), start=1):
        if line.get("record") == record:
            try:
                yield cls.from_line(line)
            except ValidationError:
                raise journal.damaged_line(number) from None
