"""Withhold: the model says a request without one value that the call needs, so that one must ask back."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Model, Recall
from ste_graph.distil.gates import Refused
from ste_graph.distil.negatives import question_for, withheld_fault
from ste_graph.node import Node, Output, Reads
from ste_graph.prompt import Prompt

from .imagine import STOP, request_in
from .regate import compared


class Withhold(Node):
    """Ask the model for the same request without the value that `original.missing` names.

    It passes if that value is no longer said and all the others still are. What is to be learnt is to ask for it.
    """

    model: Model
    prompt: Prompt
    memory: Recall
    alike: Annotated[float, Field(ge=0, le=1)] = 0.96

    class See(Reads):
        """An example, and its tool."""

        original: dict[str, Any]
        tool: dict[str, Any]

    class Gives(Output):
        """`answer` asks for the missing value."""

        query: str
        answer: str
        passed: bool
        gate: str | None
        reason: str | None
        changed: dict[str, Any]

    async def __call__(self, see: See) -> Gives:
        reply = await see.ask(self.model, self.prompt, stop=STOP)
        query, missing = request_in(reply.text), see.original["missing"]
        changed = {**see.original, "query": query, "paraphrase_of": see.original["query"]}
        said = withheld_fault(query, missing, see.original, see.tool["parameters"])
        fault = Refused("withhold", said) if said else None
        fault = fault or await compared(self.memory, changed, near=1.0, alike=self.alike, same_call=False)
        return self.Gives(
            query=query,
            answer=question_for(missing, see.tool["parameters"]),
            passed=fault is None,
            gate=fault.gate if fault else None,
            reason=fault.reason if fault else None,
            changed=changed,
        )
