"""Paraphrase: the model says a request in other words."""

from __future__ import annotations

from typing import Any

from ste_graph.contracts import Model
from ste_graph.node import Node, Output, Reads
from ste_graph.prompt import Prompt

from .imagine import STOP, request_in


class Paraphrase(Node):
    """Ask the model for other words for the same request (STE, section 3: paraphrasing for diversity).

    With a transcript in `talk`, the model sees the wordings that it has found already, as in the paper.
    """

    model: Model
    prompt: Prompt

    class See(Reads):
        """The example whose request is to be said in other words."""

        source: dict[str, Any]

    class Gives(Output):
        """`reworded` is the example with the new request in it, and the old one under `paraphrase_of`."""

        query: str
        reworded: dict[str, Any]

    async def __call__(self, see: See) -> Gives:
        reply = await see.ask(self.model, self.prompt, stop=STOP)
        query = request_in(reply.text)
        old = see.source["query"]
        return self.Gives(query=query, reworded={**see.source, "query": query, "paraphrase_of": old})
