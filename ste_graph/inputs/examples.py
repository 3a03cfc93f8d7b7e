"""The examples of an earlier run, one by one or by tool."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ste_graph.contracts import Frozen, Json
from ste_graph.errors import WorkflowError
from ste_graph.settings import RelativePath
from ste_graph.training.rows.examples import read_examples


class RunExamples(Frozen):
    """The examples that a run of `distil.yaml` made, or one side of its split.

    `by: example` gives them one by one, each as the journal has it; `by: tool` one item per tool, with the tool's
    definition and its examples under `examples`.
    """

    run: RelativePath
    """A run of `distil.yaml`."""
    split: Literal["train", "heldout"] | None = None
    """One side of its split; unset: both."""
    by: Literal["example", "tool"] = "example"
    """`example`: one item per example. `tool`: one per tool, with its definition and its `examples`."""
    originals: bool = False
    """Only the requests of trials, without those that say them in other words."""

    def items(self) -> list[Json]:
        """The examples, in the order of tools and of making. Raises `WorkflowError` if there are no examples."""
        found = [
            (example, line)
            for example, line in read_examples(Path(self.run)).pairs
            if (self.split is None or example.split == self.split) and not (self.originals and example.paraphrase_of)
        ]
        if not found:
            side = f" on the side `{self.split}` of the split" if self.split else ""
            raise WorkflowError(f"{self.run}: has no example{side}")
        if self.by == "example":
            return [dict(line) for _, line in found]
        tools = {example.definition.name: example.definition for example, _ in found}
        return [
            {**of.model_dump(), "examples": [line for example, line in found if example.definition.name == name]}
            for name, of in tools.items()
        ]
