"""Compare: a model says whether a call asks for the same as the gold call."""

from __future__ import annotations

from typing import Any

from ste_graph.contracts import Context, Json, Model
from ste_graph.distil.votes import parse_answers
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols.yes_no import parse_yes_no

SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {"same": {"type": "boolean"}, "why": {"type": "string"}},
    "required": ["same", "why"],
    "additionalProperties": False,
}


class Compare(Node):
    """Ask the model about one call whose arguments no rule can compare with those of the gold call.

    A reply that is neither a yes nor a no is not a verdict: `right` is None, and the case stays undecided.
    """

    model: Model
    prompt: Prompt

    class Inputs(NodeInputs):
        """The question to decide: `tool`, `query`, `gold` and `given` arguments; the prompt names them."""

        question: dict[str, Any]

    class Outputs(NodeOutputs):
        """The verdict and the reason for it; without a verdict, what the model said."""

        right: bool | None
        why: str | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await ctx.ask(self.model, self.prompt, schema=SCHEMA)
        found, why = parse_answers(reply, ["same"])
        right = parse_yes_no(reply.text) if found["same"] is None else found["same"]
        return self.Outputs(right=right, why=f"no verdict: {reply.text[:200]!r}" if right is None else why or None)
