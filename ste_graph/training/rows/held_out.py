"""The part of a run of `distil.yaml` that is held out: a model that is tested on it must not be shown it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

from ste_graph.contracts import Json
from ste_graph.distil.clusters import Apart
from ste_graph.distil.example import Example
from ste_graph.distil.leaves import is_default, schema_leaves
from ste_graph.distil.reading.normalisation import words
from ste_graph.distil.reading.wording import request_keys
from ste_graph.training.rows.examples import read_examples


class HeldOut:
    """The trials, requests and calls that are held out."""

    def __init__(self, examples: Iterable[Example], apart: Apart = "combination") -> None:
        self._examples = [example for example in examples if example.split == "heldout"]
        self._apart = apart
        self._trials = {(example.run_id, example.trial_id) for example in self._examples}
        self._asked = {words(example.query) for example in self._examples}
        self._parameters = {example.definition.name: example.definition.parameters for example in self._examples}
        self._called = {
            (example.definition.name, key)
            for example in self._examples
            for key in self._keys(example.definition.name, example.query, example.arguments)
        }

    @classmethod
    def read(cls, run: Path) -> Self:
        """Reads the part of a run that is held out. Raises `WorkflowError` if it has no examples."""
        examples = read_examples(run)
        return cls(examples, examples.apart)

    def is_revealed_by(
        self,
        run_id: str | None,
        trial_id: str | None,
        query: str,
        calls: Iterable[tuple[str | None, Mapping[str, Json] | None]],
    ) -> bool:
        """True if a trial says something about what is held out.

        That is: it is the very trial; it has the same request, even for another tool; or, of the same tool, a call with
        the same arguments (or, if the run keeps its sides apart by value, any value in common; by wording, a request of
        the same wording), whether or not it worked. `calls` are the names and arguments of its calls.
        """
        if (run_id, trial_id) in self._trials or words(query) in self._asked:
            return True
        return any(
            (name, key) in self._called
            for name, arguments in calls
            if name in self._parameters
            for key in self._keys(name, query, arguments or {})
        )

    def values(self, tool: str) -> list[Json]:
        """The texts and numbers in the held-out calls of a tool that are no default and no choice of its schema."""
        own = [example for example in self._examples if example.definition.name == tool]
        found = {
            leaf.value: None
            for example in own
            for leaf in schema_leaves(example.arguments, self._parameters[tool])
            if isinstance(leaf.value, str | int | float) and not isinstance(leaf.value, bool)
            if not is_default(leaf) and "enum" not in leaf.schema
        }
        return list(found)

    def _keys(self, tool: str, query: str, arguments: Mapping[str, Json]) -> set[str]:
        return request_keys(query, arguments, self._parameters[tool], self._apart)
