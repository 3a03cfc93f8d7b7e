"""Compose: the model writes a request for a call that worked."""

from __future__ import annotations

from typing import Any

from ste_graph.contracts import Context, Model
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols.request import STOP, find_request


class Compose(Node):
    """Ask the model for a request that a call, which is known to work, would serve: the call comes first.

    Its arguments are then right by construction. The old answer is left out, since it was given to another request.

    Differs: the paper only goes from requests to calls; this way round follows Play2Prompt (Fang et al. 2025).
    """

    model: Model
    prompt: Prompt

    class Inputs(NodeInputs):
        """A trial whose last call worked."""

        trial: dict[str, Any]

    class Outputs(NodeOutputs):
        """`composed` is the trial with the new request in it, and without an answer."""

        query: str
        composed: dict[str, Any]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await ctx.ask(self.model, self.prompt, stop=STOP)
        query = find_request(reply.text)
        return self.Outputs(query=query, composed={**inputs.trial, "query": query, "answer": None})
