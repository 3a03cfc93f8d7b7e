"""Values: what exists, for the parameters of a tool."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Context, ValueView
from ste_graph.node import Node, NodeInputs, NodeOutputs


class Values(Node):
    """Draw some values that exist, such as ids and words to search for, from a memory with `use: values`.

    Differs: the paper lets the model make up every value. Calls fail for want of an id that exists more than for any
    other reason.
    """

    memory: ValueView
    k: Annotated[int, Field(ge=1)] = 5
    """The most values per parameter."""

    class Inputs(NodeInputs):
        """The tool that is explored."""

        tool: dict[str, Any]

    class Outputs(NodeOutputs):
        """`known`: at most `k` values by parameter, empty where none is known.

        `origins`: by parameter and value, as text, where the value came from, such as `list_orders: orders[].id`.
        """

        known: dict[str, list[Any]]
        origins: dict[str, dict[str, str]]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        drawn = await self.memory.draw(inputs.tool, self.k)
        return self.Outputs(
            known={name: [value.value for value in values] for name, values in drawn.items()},
            origins={name: {str(value.value): value.origin for value in values} for name, values in drawn.items()},
        )
