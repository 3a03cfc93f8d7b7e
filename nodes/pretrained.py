"""Pretrained: a model that there is already."""

from __future__ import annotations

from ste_graph.contracts import Context
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.settings import HubPath


class Pretrained(Node):
    """Name a causal language model of the hub, or in a folder, to start from."""

    model: HubPath

    class Inputs(NodeInputs):
        """Nothing."""

    class Outputs(NodeOutputs):
        """The model as it was named."""

        model: str

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        return self.Outputs(model=self.model)
