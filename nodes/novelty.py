"""Novelty: is the request new, or too close to an old one?"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ste_graph.contracts import Context, RecordView
from ste_graph.node import Node, NodeInputs, NodeOutputs


class Novelty(Node):
    """Compare the request with the most similar one in memory, by the cosine of their embeddings.

    It looks at everything the memory holds, whatever the memory's `recall` shows to the model; where the memory is off
    or still empty, every request is new.

    Differs: the paper only asks the model, in the prompt, to keep away from earlier requests. Asking again at a cosine
    of 0.9 follows DRAFT (Qu et al. 2024), which does so with the requests of its explorer.
    """

    memory: RecordView
    threshold: Annotated[float, Field(ge=-1, le=1)] = 0.9
    """The cosine from which a request is too similar to an earlier one."""
    k: Annotated[int, Field(ge=0)] = 3
    """The most earlier requests that are named as too similar."""

    class Inputs(NodeInputs):
        """The request to judge."""

        query: str

    class Outputs(NodeOutputs):
        """`similarity` is the nearest earlier request's, in [-1, 1]; None without earlier requests.

        `near` are the earlier requests that it came too close to, the nearest first, at most `k`.
        """

        new: bool
        similarity: float | None
        near: list[str]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        nearest = await self.memory.nearest(inputs.query, max(self.k, 1))
        similarity = nearest[0].similarity if nearest else None
        close = [near.entry.text for near in nearest if near.similarity >= self.threshold]
        return self.Outputs(new=not close, similarity=similarity, near=close[: self.k])
