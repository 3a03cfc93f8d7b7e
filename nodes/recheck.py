"""Recheck: checks that a reworded request asks for the same call, is new, and keeps to its side of the split."""

from __future__ import annotations

from typing import Any

from ste_graph.contracts import Context, RecordView
from ste_graph.distil.clusters import Apart
from ste_graph.distil.gates import CheckResult
from ste_graph.distil.recheck import check_against_original, check_drift
from ste_graph.distil.thresholds import DUPLICATE, RELATED, Cosine
from ste_graph.node import Node, NodeInputs, NodeOutputs


class Recheck(Node):
    """Check the grounding again, then compare with all examples of the tool.

    Differs: the paper's code checks no paraphrase, so that a request may change while its call stays.
    """

    memory: RecordView
    near: Cosine = DUPLICATE
    """The cosine from which two requests for the same call are duplicates."""
    alike: Cosine = RELATED
    """The cosine from which two requests may not be on two sides of the split."""
    apart: Apart = "combination"
    """The setting of the split: with `wording`, a wording of the other side is a leak too."""

    class Inputs(NodeInputs):
        """The reworded example, and its tool."""

        reworded: dict[str, Any]
        tool: dict[str, Any]

    class Outputs(CheckResult, NodeOutputs):
        """`gate` is grounding, duplicate or leak."""

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        result = check_drift(inputs.reworded, inputs.tool)
        if result.passed:
            result = await check_against_original(
                self.memory,
                inputs.reworded,
                near=self.near,
                alike=self.alike,
                parameters=inputs.tool["parameters"] if self.apart == "wording" else None,
            )
        return self.Outputs(**result.model_dump())
