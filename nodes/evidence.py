"""Evidence: the trials of a tool that a model is asked from, with their numbers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Context
from ste_graph.forms.evidence import EvidenceKind, choose_evidence
from ste_graph.node import Node, NodeInputs, NodeOutputs


class Evidence(Node):
    """Select the trials of a tool from which a guideline or a description is written, and number them.

    Those come first that show what none before them does: other parameters, or another error.

    Differs: the paper shows whole trials as exemplars, and writes nothing from them.
    """

    k: Annotated[int, Field(ge=1)] = 5
    """At most so many of each kind."""
    kinds: tuple[EvidenceKind, ...] = ("kept",)
    """`kept`: trials that passed the gates; `failed`: those in which a call was at fault."""

    class Inputs(NodeInputs):
        """A tool of a training side, see `ste_graph.inputs.training_side`; `kinds` replace the setting."""

        tool: dict[str, Any]
        kinds: list[str] | None = None

    class Outputs(NodeOutputs):
        """`trials` have `number`, `id`, `query` and `calls` (`action`, `arguments` as JSON, `observation`, `ok`)."""

        trials: list[dict[str, Any]]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        kinds = self.kinds if inputs.kinds is None else tuple(map(_kind, inputs.kinds))
        chosen = choose_evidence(inputs.tool, kinds, self.k)
        return self.Outputs(trials=[trial.model_dump(mode="json") for trial in chosen])


def _kind(word: str) -> EvidenceKind:
    match word:
        case "kept" | "failed":
            return word
    raise ValueError(f"unknown kind of trials `{word}`; expected `kept` or `failed`")
