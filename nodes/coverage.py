"""Coverage: measure how much of a tool its trials have tried out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Context, RecordView
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.records import is_current
from ste_graph.trials.coverage import ToolCoverage, measure_coverage


class Coverage(Node):
    """Measure how much of the tool the trials in memory have used.

    A tool is saturated once its last `patience` trials added nothing, so that a loop may end with `until:
    coverage.saturated`. All trials in the memory count, whatever its `recall` shows, except those of an older
    definition of the tool. A memory that is off is never saturated.

    Differs: the paper explores each tool for equally many episodes. DRAFT (Qu et al. 2024) stops a tool by the changes
    of its description, we by the calls made.
    """

    memory: RecordView
    patience: Annotated[int, Field(ge=1)] = 4
    """The tool is saturated after so many trials that added nothing."""

    class Inputs(NodeInputs):
        """The tool at hand."""

        tool: dict[str, Any]

    class Outputs(ToolCoverage, NodeOutputs):
        """The fields of `ToolCoverage`, and `saturated`."""

        saturated: bool

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        trials = [entry.record for entry in await self.memory.entries() if is_current(entry.record, inputs.tool)]
        coverage = measure_coverage(trials, inputs.tool["parameters"])
        return self.Outputs(**coverage.model_dump(), saturated=coverage.idle >= self.patience)
