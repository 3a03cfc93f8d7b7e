"""The models that replied to nodes in place of those that they name, so that records say who had a part in them."""

from __future__ import annotations

from typing import TypeAlias

from ste_graph.compile.stepper import StepKey
from ste_graph.language.workflow import Workflow
from ste_graph.run.logs.logged_step import LoggedStep

Counters: TypeAlias = tuple[tuple[str, int | None], ...]


class Authors:
    """The authors of the outputs of one unit's nodes; those that nodes name unless something else is known."""

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow
        self._known: dict[str, dict[Counters, list[str]]] = {}

    def note(self, node: str, key: StepKey, step: LoggedStep) -> None:
        """Take note of a finished step of a node."""
        others = {asked: by for by, between, asked in (name.partition(" for ") for name in step.used.models) if between}
        if others or node in self._known:
            models = self._workflow.nodes[node].models.values()
            labels = [self._workflow.models[others.get(model, model)].label for model in models]
            self._known.setdefault(node, {})[key.counters] = labels

    def find(self, node: str, key: StepKey) -> list[str] | None:
        """The labels of the models that gave what a record of this key reads of a node; None: those that it names."""
        place = dict(key.counters)
        for counters, labels in reversed(self._known.get(node, {}).items()):
            if all(place.get(loop, count) == count for loop, count in counters):
                return labels
        return None
