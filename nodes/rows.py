"""Rows: what there is to learn, and what it is tried by, in files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from ste_graph.contracts import Context
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.settings import RelativePath
from ste_graph.training.material import Batches, Material, described, written


class Rows(Node):
    """Write the examples of a run of `distil.yaml` into this run's folder, as prompts and completions.

    With `batches` the tools come in as many groups of like size, or in those that are named, each in files of its own.
    Refuses what stands on both sides of the split.
    """

    run: RelativePath
    batches: Annotated[Batches, Field(union_mode="left_to_right")] = 1

    class Outputs(NodeOutputs):
        """The files of each side, one per batch, and how many rows of each tool they hold."""

        train_files: list[str]
        heldout_files: list[str]
        batches: list[list[str]]
        untested: list[str]
        table: str

    async def __call__(self, inputs: NodeInputs, ctx: Context) -> Outputs:
        return _given(self.Outputs, written(Path(self.run), ctx.output_path("rows"), self.batches))


class RowFiles(Node):
    """Take rows of one's own: JSON Lines of prompts and completions, one file per batch on each side.

    Whether the sides share something is not known; what is counted as new was said in none of the training rows.
    """

    train: Annotated[tuple[RelativePath, ...], Field(min_length=1)]
    heldout: Annotated[tuple[RelativePath, ...], Field(min_length=1)]

    class Outputs(Rows.Outputs):
        """As of `rows`."""

    async def __call__(self, inputs: NodeInputs, ctx: Context) -> Rows.Outputs:
        if len(self.train) != len(self.heldout):
            raise ValueError(f"`train` names {len(self.train)} files and `heldout` {len(self.heldout)}; expected pairs")
        return _given(self.Outputs, described(self.train, self.heldout))


def _given(gives: type[Rows.Outputs], material: Material) -> Rows.Outputs:
    return gives(**material.model_dump())
