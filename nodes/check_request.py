"""Check request: is the request that the model made up worth trying?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ste_graph.contracts import Context, Json
from ste_graph.distil.grounding import trace_values
from ste_graph.distil.leaves import schema_leaves
from ste_graph.distil.requests import COPIED, find_request_fault
from ste_graph.node import Node, NodeInputs, NodeOutputs


class CheckRequest(Node):
    """Tell by rule whether a request is one that a person could have made for the tool.

    Refused are: nothing at all or far too much; code, JSON or a call; the tool's name and those of its parameters;
    words about the task; placeholders; what repeats the prompt or the tool's description; and a request without any
    number or date though the tool needs one. A request that was written for a call must state every value of the call.
    `reason` says which it is, for the prompt that asks again.

    Differs: the paper tries whatever the model wrote. A small model often writes no request at all.
    """

    free: tuple[str, ...] = ()
    """Parameters whose values are in a language that cannot be taken apart: they need not be in the request."""

    class Inputs(NodeInputs):
        """The request, if it repeats the prompt that asked for it, and the tool that it is for.

        `drawn` are the arguments for which it was written, see `devise`; None if the request came first.
        """

        query: str
        copied: bool = False
        tool: dict[str, Any]
        drawn: dict[str, Any] | None = None

    class Outputs(NodeOutputs):
        """`reason` is None if the request is `valid`."""

        valid: bool
        reason: str | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        tool = inputs.tool
        reason = find_request_fault(
            inputs.query, str(tool["name"]), tool["parameters"], str(tool.get("description") or "")
        )
        if inputs.copied and reason is None:
            reason = COPIED
        if reason is None and inputs.drawn:
            reason = self._find_unstated(inputs.query, inputs.drawn, tool)
        return self.Outputs(valid=reason is None, reason=reason)

    def _find_unstated(self, query: str, drawn: dict[str, Any], tool: Mapping[str, Json]) -> str | None:
        """The reason if the request does not state a value of the call."""
        parameters, about = tool["parameters"], str(tool.get("description") or "")
        sources = trace_values(drawn, parameters, query, free=self.free, description=about)
        missing = [leaf for leaf in schema_leaves(drawn, parameters) if sources.get(leaf.name) == "nothing"]
        values = " and ".join(f"{leaf.name} {json.dumps(leaf.value, ensure_ascii=False)}" for leaf in missing)
        return f"It did not state the call's {values}; say every value of the call." if missing else None
