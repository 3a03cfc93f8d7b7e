"""Shift: the model says a request that sounds alike, but that the tool cannot serve."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Model, Recall
from ste_graph.distil.gates import Refused
from ste_graph.distil.negatives import DECLINED, shifted_fault
from ste_graph.node import Node, Output, Reads
from ste_graph.prompt import Prompt

from .imagine import STOP, request_in
from .regate import compared


class Shift(Node):
    """Ask the model for a request on another matter, for which no call is right.

    It passes if it no longer says what the call needs. Whether the tool could serve it after all, no rule can tell.
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
        """`answer` declines."""

        query: str
        answer: str
        passed: bool
        gate: str | None
        reason: str | None
        changed: dict[str, Any]

    async def __call__(self, see: See) -> Gives:
        reply = await see.ask(self.model, self.prompt, stop=STOP)
        query = request_in(reply.text)
        changed = {**see.original, "query": query, "paraphrase_of": see.original["query"]}
        said = shifted_fault(query, see.original, see.tool["parameters"])
        fault = Refused("shift", said) if said else None
        fault = fault or await compared(self.memory, changed, near=1.0, alike=self.alike, same_call=False)
        return self.Gives(
            query=query,
            answer=DECLINED,
            passed=fault is None,
            gate=fault.gate if fault else None,
            reason=fault.reason if fault else None,
            changed=changed,
        )
