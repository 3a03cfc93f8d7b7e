"""Regate: does a reworded request still ask for the same call, is it new, and does it keep to its side of the split?"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Recall
from ste_graph.distil.clusters import canonical
from ste_graph.distil.gates import Refused, drift_fault
from ste_graph.distil.normal import words
from ste_graph.node import Node, Output, Reads


class Regate(Node):
    """Ask the grounding gate again, then compare with all examples of the tool.

    `near` is the cosine from which two requests for the same call are duplicates, `alike` the one from which requests
    may not stand on two sides of the split.

    Differs: the paper's code checks no paraphrase, so that a request may change while its call stays.
    """

    memory: Recall
    near: Annotated[float, Field(ge=0, le=1)] = 0.97
    alike: Annotated[float, Field(ge=0, le=1)] = 0.95

    class See(Reads):
        """The reworded example, and its tool."""

        reworded: dict[str, Any]
        tool: dict[str, Any]

    class Gives(Output):
        """`gate` is grounding, duplicate or leak."""

        passed: bool
        gate: str | None
        reason: str | None

    async def __call__(self, see: See) -> Gives:
        fault = _drift(see.reworded, see.tool) or await self._compared(see.reworded)
        if fault is None:
            return self.Gives(passed=True, gate=None, reason=None)
        return self.Gives(passed=False, gate=fault.gate, reason=fault.reason)

    async def _compared(self, reworded: dict[str, Any]) -> Refused | None:
        query, arguments = reworded["query"], canonical(reworded["steps"][-1]["arguments"])
        for one in await self.memory.nearest(query, len(await self.memory.entries())):
            other = one.entry.record
            exact = words(other["query"]) == words(query)
            if not exact and one.similarity < min(self.near, self.alike):
                break
            said = f"{other['query']!r:.120} (a cosine of {one.similarity:.2f})"
            if other["split"] != reworded["split"] and (exact or one.similarity >= self.alike):
                return Refused("leak", f"comes too close to a request on the other side of the split: {said}")
            same = not other["steps"] or canonical(other["steps"][-1]["arguments"]) == arguments
            if exact or (same and one.similarity >= self.near):
                return Refused("duplicate", f"says nearly what another example says: {said}")
        return None


def _drift(reworded: dict[str, Any], tool: dict[str, Any]) -> Refused | None:
    last = reworded["steps"][-1]
    fault = drift_fault(
        reworded["paraphrase_of"], reworded["query"], last["arguments"], tool["parameters"], reworded["spoken"]
    )
    return None if fault is None else Refused("grounding", fault)
