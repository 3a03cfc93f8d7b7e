"""Split: turns candidates into examples, each on one side of the split, some to be said in other words."""

from __future__ import annotations

from typing import Any

from ste_graph.contracts import Context, RecordView
from ste_graph.distil.split import SplitFields, split_candidates
from ste_graph.node import Node, NodeInputs, NodeOutputs


class Split(Node, SplitFields):
    """Reject duplicates, put requests that belong together into clusters, and each cluster on one side.

    A duplicate says the same, or nearly (a cosine of `near` or more), and asks for the same call. Requests belong
    together if their cosine is `alike` or more, if their calls have the same arguments, with `apart: value` if they
    have any freely chosen value in common, with `apart: wording` if they differ in the values of their calls alone.
    About `heldout` of the candidates are held out. The training side is filled up to `examples` by saying its requests
    in other words, as evenly as possible.

    Differs: the paper's code drops exact duplicates only and splits nothing; its test requests were made separately.
    """

    memory: RecordView

    class Inputs(NodeInputs):
        """The tool."""

        tool: dict[str, Any]

    class Outputs(NodeOutputs):
        """`selected` are candidates with a `split`, a `cluster` and `wordings`: a list with an item for each to make.

        `missing` names a required value that their request states, if any. `rejected` have a `gate` and a `reason`.
        """

        selected: list[dict[str, Any]]
        rejected: list[dict[str, Any]]
        train: int
        heldout: int

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        entries = await self.memory.entries()
        index = {entry.id: number for number, entry in enumerate(entries)}
        near = [
            [(index[found.entry.id], found.similarity) for found in await self.memory.nearest(entry.text, len(entries))]
            for entry in entries
        ]
        records = [entry.record for entry in entries]
        result = split_candidates(records, near, inputs.tool["parameters"], self)
        return self.Outputs(
            selected=result.selected, rejected=result.rejected, train=result.train, heldout=result.heldout
        )
