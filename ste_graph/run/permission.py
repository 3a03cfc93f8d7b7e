"""What a workflow may use: asked before anything is started or spent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ste_graph.contracts import Gated
from ste_graph.errors import WorkflowError
from ste_graph.language.workflow import Workflow
from ste_graph.run.gateways import is_replay, labels_of


def refuse_unpermitted(workflow: Workflow) -> None:
    """Raise `WorkflowError` for the first memory, or model that is asked, which says that it may not be used."""
    for what, entry in _entries(workflow):
        try:
            if isinstance(entry, Gated):
                entry.permitted()
        except WorkflowError as error:
            raise WorkflowError(f"{workflow.file}: {what}: {error}") from error


def _entries(workflow: Workflow) -> Iterator[tuple[str, Any]]:
    for spec in workflow.memories.values():
        yield f"memory `{spec.name}`", spec.memory
    if not is_replay(workflow):
        for name in labels_of(workflow):
            yield f"model `{name}`", workflow.models[name]
