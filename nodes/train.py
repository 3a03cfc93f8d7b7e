"""Train: a model learns from rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Context
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.settings import RelativePath
from ste_graph.training.errors import find_missing_packages
from ste_graph.training.fitting import TrainingResult
from ste_graph.training.job import TrainJob, run_job
from ste_graph.training.settings import TrainingSettings


class Train(Node):
    """Train a model on prompt-completion rows, on the completions only (STE, section 3.3: fine-tuning).

    If interrupted, it resumes from its last checkpoint. The result is a folder that transformers and vLLM load.

    Differs: the paper trains all weights of a large model for two epochs at 2e-5. The default `settings` are for the
    student; for a model of the hub set `learning_rate`, `steps` and perhaps `lora`.
    """

    batch: Annotated[int, Field(ge=0)] | None = None
    """Train on the tools of this batch alone, counted from 0; unset, on all."""
    general: tuple[RelativePath, ...] = ()
    """Files of general rows, so that the model does not forget how to answer them."""
    settings: TrainingSettings = TrainingSettings()
    """The settings of the training."""

    class Inputs(NodeInputs):
        """`model` is the base, a folder or a name on the hub."""

        model: str
        train_files: list[str]
        seed: int | None = None

    class Outputs(TrainingResult, NodeOutputs):
        """The fields of `TrainingResult`."""

    @classmethod
    def find_missing_package(cls, settings: Mapping[str, Any]) -> str | None:
        return find_missing_packages()

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        if self.batch is not None and self.batch >= len(inputs.train_files):
            raise ValueError(f"there is no batch {self.batch} (from 0); there are {len(inputs.train_files)}")
        job = TrainJob(
            base=inputs.model,
            rows=inputs.train_files if self.batch is None else [inputs.train_files[self.batch]],
            folder=str(ctx.output_path("trained")),
            settings=self.settings,
            general=self.general,
            seed=inputs.seed or 0,
        )
        return self.Outputs(**await run_job(job, ctx.progress, threads=self.settings.threads))


class TrainBatches(Node):
    """Train a model on one more batch of tools (STE, section 3.4: continual learning).

    The model knows the first batch already, and round r (from 0) teaches batch r + 1. With the new batch it sees the
    share `replay` of the rows of each earlier one, and all `general` ones.
    """

    general: tuple[RelativePath, ...] = ()
    """Files of rows of other kinds, which every round sees too."""
    settings: TrainingSettings = TrainingSettings(steps=400, learning_rate=1e-3)
    """The settings of each round's training."""

    class Inputs(NodeInputs):
        """`model` knows the first batch; `previous` is the model of the previous round; `arm` has a `replay`."""

        model: str
        train_files: list[str]
        previous: str | None = None
        round: int
        arm: dict[str, Any]
        seed: int | None = None

    class Outputs(TrainingResult, NodeOutputs):
        """The fields of `TrainingResult`; `last` is true after the last batch."""

        last: bool

    @classmethod
    def find_missing_package(cls, settings: Mapping[str, Any]) -> str | None:
        return find_missing_packages()

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        batch = inputs.round + 1
        if batch >= len(inputs.train_files):
            raise ValueError(
                f"round {inputs.round} (from 0) has no batch; there are {len(inputs.train_files)}, the first known"
            )
        job = TrainJob(
            base=inputs.previous or inputs.model,
            rows=[inputs.train_files[batch]],
            folder=str(ctx.output_path(f"{inputs.arm.get('name', 'arm')}") / f"batch-{batch}"),
            settings=self.settings,
            earlier=[[earlier] for earlier in inputs.train_files[:batch]],
            replay=float(inputs.arm.get("replay", 0.0)),
            general=self.general,
            seed=inputs.seed or 0,
        )
        last = batch + 1 == len(inputs.train_files)
        return self.Outputs(**await run_job(job, ctx.progress, threads=self.settings.threads), last=last)
