"""What a workflow may use: asked before anything is started or spent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

from ste_graph.contracts import AccessChecked
from ste_graph.errors import WorkflowError
from ste_graph.language.workflow import Workflow
from ste_graph.models.adapter import Adapter
from ste_graph.run.gateways import is_replay, labels_of


def refuse_unpermitted(workflow: Workflow) -> None:
    """Raise `WorkflowError` for the first memory, or model that is asked, which says that it may not be used."""
    for name, spec in workflow.memories.items():
        if isinstance(spec.memory, AccessChecked):
            with _located(workflow, f"memory `{name}`"):
                spec.memory.check_access(_readers(workflow, name))
    for name in () if is_replay(workflow) else labels_of(workflow):
        if isinstance(model := workflow.models[name], Adapter):
            with _located(workflow, f"model `{name}`"):
                model.check_access()


def _readers(workflow: Workflow, memory: str) -> frozenset[type]:
    """The types of the fields by which the workflow's nodes get hold of a memory."""
    fields = [
        node.cls.model_fields[field].annotation
        for node in workflow.nodes.values()
        for field, name in node.recalls.items()
        if name == memory
    ]
    return frozenset(one for field in fields for one in (field, *get_args(field)) if isinstance(one, type))


@contextmanager
def _located(workflow: Workflow, what: str) -> Iterator[None]:
    try:
        yield
    except WorkflowError as error:
        raise WorkflowError(f"{workflow.file}: {what}: {error}") from error
