"""Shift: the model says a request that sounds alike, but that the tool cannot serve."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Context, Model, RecordView
from ste_graph.distil.gates import Rejection
from ste_graph.distil.negatives import DECLINING_ANSWER, unrelated_request_fault
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompt import Prompt

from .imagine import STOP, request_in
from .regate import compared


class Shift(Node):
    """Ask the model for a request on another matter, for which no call is right.

    It passes if it no longer says what the call needs. Whether the tool could serve it after all, no rule can tell.
    """

    model: Model
    prompt: Prompt
    memory: RecordView
    alike: Annotated[float, Field(ge=0, le=1)] = 0.96

    class Inputs(NodeInputs):
        """An example, and its tool."""

        original: dict[str, Any]
        tool: dict[str, Any]

    class Outputs(NodeOutputs):
        """`answer` declines."""

        query: str
        answer: str
        passed: bool
        gate: str | None
        reason: str | None
        changed: dict[str, Any]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await ctx.ask(self.model, self.prompt, stop=STOP)
        query = request_in(reply.text)
        changed = {**inputs.original, "query": query, "paraphrase_of": inputs.original["query"]}
        said = unrelated_request_fault(query, inputs.original, inputs.tool["parameters"])
        fault = Rejection("shift", said) if said else None
        fault = fault or await compared(self.memory, changed, near=1.0, alike=self.alike, same_call=False)
        return self.Outputs(
            query=query,
            answer=DECLINING_ANSWER,
            passed=fault is None,
            gate=fault.gate if fault else None,
            reason=fault.reason if fault else None,
            changed=changed,
        )
