"""Guidelines and rewritten descriptions in the journal of the run that wrote them."""

from __future__ import annotations

from ste_graph.finished import FinishedRun
from ste_graph.forms.description import DescriptionRecord
from ste_graph.forms.guideline import GuidelineRecord


def read_guidelines(run: FinishedRun) -> list[GuidelineRecord]:
    """The guidelines of a run, in the order of its journal. Raises `WorkflowError` for a damaged line."""
    return [guideline for guideline, _ in run.typed_records(GuidelineRecord, "guideline")]


def read_descriptions(run: FinishedRun) -> list[DescriptionRecord]:
    """The descriptions of a run, in the order of its journal. Raises `WorkflowError` for a damaged line."""
    return [description for description, _ in run.typed_records(DescriptionRecord, "description")]
