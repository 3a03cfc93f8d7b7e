"""Reflect: the model judges if the request was fulfilled."""

from __future__ import annotations

from ste_graph.contracts import Context, Model
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols.yes_no import parse_yes_no


class Reflect(Node):
    """Ask the model whether the request was fulfilled (STE, section 3: self-reflection)."""

    model: Model
    prompt: Prompt

    class Inputs(NodeInputs):
        """The request of the trial."""

        query: str

    class Outputs(NodeOutputs):
        """`solved` is None if the reply is neither a yes nor a no."""

        solved: bool | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await ctx.ask(self.model, self.prompt)
        return self.Outputs(solved=parse_yes_no(reply.text))
