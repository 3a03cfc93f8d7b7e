"""Coverage: has the tool been tried out, or is there still something new to be found?"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Context, RecordView
from ste_graph.coverage import coverage_of
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.records import of_now


class Coverage(Node):
    """Say what the trials in memory have used of the tool, and whether the last `patience` of them added nothing.

    So a loop may end with `until: coverage.saturated`. It looks at everything the memory holds, whatever the memory's
    `recall` shows, less the trials of an older definition of the tool. A memory that is off is never saturated.

    Differs: the paper explores each tool for as many episodes as any other. DRAFT (Qu et al. 2024) stops a tool by what
    it writes about it, we by what was called.
    """

    memory: RecordView
    patience: Annotated[int, Field(ge=1)] = 4

    class Inputs(NodeInputs):
        """The tool at hand."""

        tool: dict[str, Any]

    class Outputs(NodeOutputs):
        """What `ste_graph.coverage.Coverage` says, and `saturated`."""

        parameters: list[str]
        values: list[str]
        errors: list[str]
        requests: int
        spread: float | None
        idle: int
        saturated: bool

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        trials = [entry.record for entry in await self.memory.entries() if of_now(entry.record, inputs.tool)]
        found = coverage_of(trials, inputs.tool["parameters"])
        given = {name: getattr(found, name) for name in self.Outputs.model_fields if name != "saturated"}
        return self.Outputs(**given, saturated=found.idle >= self.patience)
