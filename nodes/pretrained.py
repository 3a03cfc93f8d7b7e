"""Pretrained: a model that there is already."""

from __future__ import annotations

from ste_graph.node import Node, Output, Reads
from ste_graph.settings import HubPath


class Pretrained(Node):
    """Name a causal language model of the hub, or in a folder, to start from."""

    model: HubPath

    class See(Reads):
        """Nothing."""

    class Gives(Output):
        """The model as it was named."""

        model: str

    async def __call__(self, see: See) -> Gives:
        return self.Gives(model=self.model)
