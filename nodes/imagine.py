"""Imagine: the model makes up a request that the tool could serve."""

from __future__ import annotations

from ste_graph.contracts import Context, Model
from ste_graph.distil.requests import repeats
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols.request import STOP, find_request


class Imagine(Node):
    """Ask the model for a new request (STE, section 3: the LLM imagines a plausible user query).

    The reply is cut when the model begins to act on its own request. Whatever a weak model writes counts as a request:
    `check_request` tells, and the call shows, what cannot be served.
    """

    model: Model
    prompt: Prompt

    class Inputs(NodeInputs):
        """The values that the prompt names."""

    class Outputs(NodeOutputs):
        """`query` is empty only if the model wrote nothing at all. `copied`: it repeats the text of the prompt."""

        query: str
        copied: bool

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await ctx.ask(self.model, self.prompt, stop=STOP)
        query = find_request(reply.text)
        return self.Outputs(query=query, copied=repeats(query, self.prompt.text))
