"""Train: a model learns from rows."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Context
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.settings import RelativePath
from ste_graph.training.fitting import Fit
from ste_graph.training.job import Train as Job
from ste_graph.training.job import done


class Train(Node):
    """Train a model on prompt-completion rows, on the completions only (STE, section 3.3: fine-tuning).

    Interrupted, it goes on from its last checkpoint. The result is a folder that transformers and vLLM load.

    Differs: the paper trains all weights of a large model for two epochs at 2e-5. As it stands `how` is the student's;
    for a model of the hub set `rate`, `steps` and perhaps `lora`.
    """

    batch: Annotated[int, Field(ge=0)] | None = None
    """Learn the tools of this batch alone, counted from 0; unset, of all."""
    general: tuple[RelativePath, ...] = ()
    """Rows of something else, so that it is not forgotten."""
    how: Fit = Fit()

    class Inputs(NodeInputs):
        """`model` is what to start from, a folder or a name on the hub."""

        model: str
        train_files: list[str]
        seed: int | None = None

    class Outputs(NodeOutputs):
        """The folder of the trained model, and how it went; see `ste_graph.training.fitting.Fitted`.

        `subject` is what an adoption of it would adopt.
        """

        trained: str
        subject: dict[str, Any]
        rows: int
        steps: int
        first_loss: float
        loss: float
        seconds: float
        cpu_seconds: float
        resumed_at: int

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        if self.batch is not None and self.batch >= len(inputs.train_files):
            raise ValueError(f"there is no batch {self.batch} (from 0); there are {len(inputs.train_files)}")
        job = Job(
            base=inputs.model,
            rows=inputs.train_files if self.batch is None else [inputs.train_files[self.batch]],
            folder=str(ctx.output_path("trained")),
            how=self.how,
            general=self.general,
            seed=inputs.seed or 0,
        )
        return self.Outputs(**await done(job, ctx.progress, threads=self.how.threads))


class Learn(Node):
    """Teach a model one more batch of tools (STE, section 3.4: continual learning).

    The first batch the model knows already, and round r (from 0) teaches batch r + 1. With the new batch it sees the
    share `replay` of the rows of each earlier one, and all `general` ones.
    """

    general: tuple[RelativePath, ...] = ()
    how: Fit = Fit(steps=400, rate=1e-3)

    class Inputs(NodeInputs):
        """`model` knows the first batch; `before` is what this node gave in the round before; `arm` has a `replay`."""

        model: str
        train_files: list[str]
        before: str | None = None
        round: int
        arm: dict[str, Any]
        seed: int | None = None

    class Outputs(Train.Outputs):
        """The folder of the model that knows one batch more, and how it went; `last`: whether it now knows all."""

        last: bool

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        batch = inputs.round + 1
        if batch >= len(inputs.train_files):
            raise ValueError(
                f"round {inputs.round} (from 0) has no batch; there are {len(inputs.train_files)}, the first known"
            )
        job = Job(
            base=inputs.before or inputs.model,
            rows=[inputs.train_files[batch]],
            folder=str(ctx.output_path(f"{inputs.arm.get('name', 'arm')}") / f"batch-{batch}"),
            how=self.how,
            earlier=[[earlier] for earlier in inputs.train_files[:batch]],
            replay=float(inputs.arm.get("replay", 0.0)),
            general=self.general,
            seed=inputs.seed or 0,
        )
        last = batch + 1 == len(inputs.train_files)
        return self.Outputs(**await done(job, ctx.progress, threads=self.how.threads), last=last)
