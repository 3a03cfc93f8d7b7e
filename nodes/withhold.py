"""Withhold: the model says a request without one value that the call needs, so that one must ask back."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Context, Model, RecordView
from ste_graph.distil.gates import Rejection
from ste_graph.distil.negatives import missing_argument_fault, question_for
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompt import Prompt

from .imagine import STOP, request_in
from .regate import compared


class Withhold(Node):
    """Ask the model for the same request without the value that `original.missing` names.

    It passes if that value is no longer said and all the others still are. What is to be learnt is to ask for it.
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
        """`answer` asks for the missing value."""

        query: str
        answer: str
        passed: bool
        gate: str | None
        reason: str | None
        changed: dict[str, Any]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await ctx.ask(self.model, self.prompt, stop=STOP)
        query, missing = request_in(reply.text), inputs.original["missing"]
        changed = {**inputs.original, "query": query, "paraphrase_of": inputs.original["query"]}
        said = missing_argument_fault(query, missing, inputs.original, inputs.tool["parameters"])
        fault = Rejection("withhold", said) if said else None
        fault = fault or await compared(self.memory, changed, near=1.0, alike=self.alike, same_call=False)
        return self.Outputs(
            query=query,
            answer=question_for(missing, inputs.tool["parameters"]),
            passed=fault is None,
            gate=fault.gate if fault else None,
            reason=fault.reason if fault else None,
            changed=changed,
        )
