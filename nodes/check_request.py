"""Check request: is the request that the model made up worth trying?"""

from __future__ import annotations

from typing import Any

from ste_graph.contracts import Context
from ste_graph.distil.requests import COPIED, find_fault
from ste_graph.node import Node, NodeInputs, NodeOutputs


class CheckRequest(Node):
    """Tell by rule whether a request is one that a person could have made for the tool.

    Refused are: nothing at all or far too much; code, JSON or a call; the tool's name and those of its parameters;
    words about the task; placeholders; what repeats the prompt or the tool's description; and a request without any
    number or date though the tool needs one. `reason` says which it is, for the prompt that asks again.

    Differs: the paper tries whatever the model wrote. A small model often writes no request at all.
    """

    class Inputs(NodeInputs):
        """The request, if it repeats the prompt that asked for it, and the tool that it is for."""

        query: str
        copied: bool = False
        tool: dict[str, Any]

    class Outputs(NodeOutputs):
        """`reason` is None if the request is `valid`."""

        valid: bool
        reason: str | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        tool = inputs.tool
        reason = find_fault(inputs.query, str(tool["name"]), tool["parameters"], str(tool.get("description") or ""))
        if inputs.copied and reason is None:
            reason = COPIED
        return self.Outputs(valid=reason is None, reason=reason)
