"""Shuffle: puts items in an order drawn anew each time."""

from __future__ import annotations

from random import Random
from typing import Any

from ste_graph.contracts import Context
from ste_graph.node import Node, NodeInputs, NodeOutputs


class Shuffle(Node):
    """Put items in an order that is drawn by the run's seed for each pass anew, and is the same when resumed.

    Arms that are asked in an order of each case's own are all first as often: no cache of the server, and no drift,
    favours one.
    """

    class Inputs(NodeInputs):
        """The items."""

        items: list[dict[str, Any]]

    class Outputs(NodeOutputs):
        """The items in their new order."""

        items: list[dict[str, Any]]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        items = list(inputs.items)
        Random(ctx.seed).shuffle(items)
        return self.Outputs(items=items)
