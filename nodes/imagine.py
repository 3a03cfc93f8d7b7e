"""Imagine: the model makes up a request that the tool could serve."""

from __future__ import annotations

import re

from ste_graph.contracts import Context, Model
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompt import Prompt

STOP = ("Thought:",)


class Imagine(Node):
    """Ask the model for a new request (STE, section 3: the LLM imagines a plausible user query).

    The reply is cut where the model begins to act on its own request. Whatever a weak model writes counts as a request:
    the call shows what cannot be served.
    """

    model: Model
    prompt: Prompt

    class Inputs(NodeInputs):
        """The values that the prompt names."""

    class Outputs(NodeOutputs):
        """`query` is empty only where the model wrote nothing at all."""

        query: str

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await ctx.ask(self.model, self.prompt, stop=STOP)
        return self.Outputs(query=request_in(reply.text))


def request_in(text: str) -> str:
    """The first request in a reply, without its marker and quotes; the whole text where there is none."""
    marker = _MARKER.search(text)
    request = _END.split(text[marker.end() :] if marker else text, maxsplit=1)[0].strip(" \t\r\n*")
    if len(request) > 1 and (quotes := request[0] + request[-1]) in _QUOTES and quotes[0] not in request[1:-1]:
        request = request[1:-1].strip()
    return request or text.strip()


_MARKER = re.compile(r"^[ \t*#]*+(?:new )?user query[ \t*]*+:", re.IGNORECASE | re.MULTILINE)
_END = re.compile(r"(?-i:\bThought:)|^[ \t*#]*+(?:user query[ \t*]*+:|action:)", re.IGNORECASE | re.MULTILINE)
_QUOTES = ('""', "''", "\u201c\u201d", "``")
