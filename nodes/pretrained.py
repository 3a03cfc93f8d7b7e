"""Pretrained: an existing model as the base of a training."""

from __future__ import annotations

from ste_graph.contracts import Context
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.settings import HubPath


class Pretrained(Node):
    """Name a causal language model, on the hub or in a folder, as the base of a training."""

    model: HubPath
    """Its name on the hub, or its folder."""

    class Inputs(NodeInputs):
        """No input."""

    class Outputs(NodeOutputs):
        """The model's name."""

        model: str

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        return self.Outputs(model=self.model)
