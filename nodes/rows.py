"""Rows: the training and held-out rows, in files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from ste_graph.contracts import Context
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.settings import RelativePath
from ste_graph.training.rows.files import Batches, TrainingFiles, describe_files, write_rows


class Rows(Node):
    """Write the examples of a run of `distil.yaml` into this run's folder, as prompts and completions.

    `batches` divides the tools into that number of groups of similar size, or into those named, each with files of its
    own. Refuses a run whose sides of the split share something.
    """

    run: RelativePath
    """A run of `distil.yaml`."""
    batches: Annotated[Batches, Field(union_mode="left_to_right")] = 1
    """The number of groups of tools, or the tools of each group."""

    class Outputs(TrainingFiles, NodeOutputs):
        """The fields of `TrainingFiles`."""

    async def __call__(self, inputs: NodeInputs, ctx: Context) -> Outputs:
        files = write_rows(Path(self.run), ctx.output_path("rows"), self.batches)
        return self.Outputs(**files.model_dump())


class RowFiles(Node):
    """Take rows of your own: JSON Lines of prompts and completions, one file per batch on each side.

    They are not checked for leaks between the sides; a value counts as new if no training row has it.
    """

    train: Annotated[tuple[RelativePath, ...], Field(min_length=1)]
    """The files to train on, one per batch."""
    heldout: Annotated[tuple[RelativePath, ...], Field(min_length=1)]
    """The files to examine with, one per batch."""

    class Outputs(TrainingFiles, NodeOutputs):
        """The fields of `TrainingFiles`."""

    async def __call__(self, inputs: NodeInputs, ctx: Context) -> Outputs:
        if len(self.train) != len(self.heldout):
            raise ValueError(f"`train` names {len(self.train)} files and `heldout` {len(self.heldout)}; expected pairs")
        return self.Outputs(**describe_files(self.train, self.heldout).model_dump())
