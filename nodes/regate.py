"""Regate: does a reworded request still ask for the same call, is it new, and does it keep to its side of the split?"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Context, RecordView
from ste_graph.distil.gates import Rejection, drift_fault
from ste_graph.distil.normalisation import words
from ste_graph.json_values import equality_key
from ste_graph.node import Node, NodeInputs, NodeOutputs


class Regate(Node):
    """Ask the grounding gate again, then compare with all examples of the tool.

    `near` is the cosine from which two requests for the same call are duplicates, `alike` the one from which requests
    may not stand on two sides of the split.

    Differs: the paper's code checks no paraphrase, so that a request may change while its call stays.
    """

    memory: RecordView
    near: Annotated[float, Field(ge=0, le=1)] = 0.97
    alike: Annotated[float, Field(ge=0, le=1)] = 0.96

    class Inputs(NodeInputs):
        """The reworded example, and its tool."""

        reworded: dict[str, Any]
        tool: dict[str, Any]

    class Outputs(NodeOutputs):
        """`gate` is grounding, duplicate or leak."""

        passed: bool
        gate: str | None
        reason: str | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        fault = _drift(inputs.reworded, inputs.tool)
        fault = fault or await compared(self.memory, inputs.reworded, near=self.near, alike=self.alike)
        if fault is None:
            return self.Outputs(passed=True, gate=None, reason=None)
        return self.Outputs(passed=False, gate=fault.gate, reason=fault.reason)


async def compared(
    memory: RecordView, example: dict[str, Any], *, near: float, alike: float, same_call: bool = True
) -> Rejection | None:
    """What of the examples so far forbids a new request, if anything does.

    Without `same_call` it is to be answered otherwise than the example that it was made of, so that it may come near to
    that one, and only an equal request is a duplicate.
    """
    query, arguments = example["query"], equality_key(example["steps"][-1]["arguments"])
    for one in await memory.nearest(query, len(await memory.entries())):
        other = one.entry.record
        exact = words(other["query"]) == words(query)
        if not exact and one.similarity < min(near, alike):
            break
        said = f"{other['query']!r:.120} (a cosine of {one.similarity:.2f})"
        if other["split"] != example["split"] and (exact or one.similarity >= alike):
            return Rejection("leak", f"comes too close to a request on the other side of the split: {said}")
        same = same_call and other["kind"] == "call" and equality_key(other["steps"][-1]["arguments"]) == arguments
        if exact or (same and one.similarity >= near):
            return Rejection("duplicate", f"says nearly what another example says: {said}")
    return None


def _drift(reworded: dict[str, Any], tool: dict[str, Any]) -> Rejection | None:
    last = reworded["steps"][-1]
    fault = drift_fault(
        reworded["paraphrase_of"], reworded["query"], last["arguments"], tool["parameters"], reworded["stated_values"]
    )
    return None if fault is None else Rejection("grounding", fault)
