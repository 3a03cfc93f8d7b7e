"""Paraphrase: the model says a request in other words."""

from __future__ import annotations

from typing import Any

from ste_graph.contracts import Context, Model
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols.request import STOP, find_request


class Paraphrase(Node):
    """Ask the model for other words for the same request (STE, section 3: paraphrasing for diversity).

    With a transcript in `transcript`, the model sees the wordings that it has found already, as in the paper.
    """

    model: Model
    prompt: Prompt

    class Inputs(NodeInputs):
        """The example whose request is to be said in other words."""

        source: dict[str, Any]

    class Outputs(NodeOutputs):
        """`reworded` is the example with the new request in it, and the old one under `paraphrase_of`."""

        query: str
        reworded: dict[str, Any]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await ctx.ask(self.model, self.prompt, stop=STOP)
        query = find_request(reply.text)
        old = inputs.source["query"]
        return self.Outputs(query=query, reworded={**inputs.source, "query": query, "paraphrase_of": old})
