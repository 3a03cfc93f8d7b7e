"""Train: a model learns from rows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ste_graph.node import Node, Output, Reads
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

    rows: tuple[RelativePath, ...]
    general: tuple[RelativePath, ...] = ()
    """Rows of something else, so that it is not forgotten."""
    how: Fit = Fit()

    class See(Reads):
        """`model` is what to start from, a folder or a name on the hub."""

        model: str
        seed: int | None = None

    class Gives(Output):
        """The folder of the trained model, and how it went; see `ste_graph.training.fitting.Fitted`."""

        trained: str
        rows: int
        steps: int
        first_loss: float
        loss: float
        seconds: float
        cpu_seconds: float
        resumed_at: int

    async def __call__(self, see: See) -> Gives:
        job = Job(
            base=see.model,
            rows=self.rows,
            folder=str(see.place("trained")),
            how=self.how,
            general=self.general,
            seed=see.seed or 0,
        )
        return self.Gives(**await done(job, threads=self.how.threads))


class Learn(Node):
    """Train the model of the round before on one more batch of tools (STE, section 3.4: continual learning).

    `batches` are files of rows, one per round; `first` is how the first is learnt, `then` all later ones, whose rounds
    also see `replay` of the rows of each earlier batch, and all `general` ones.
    """

    batches: Annotated[tuple[RelativePath, ...], Field(min_length=1)]
    general: tuple[RelativePath, ...] = ()
    first: Fit = Fit()
    then: Fit = Fit(steps=400, rate=1e-3)

    class See(Reads):
        """`before` is what the round before gave, None in the first; `arm` has a `replay` and may have a `seed`."""

        model: str
        before: str | None = None
        round: int
        arm: dict[str, float | int | str]

    class Gives(Output):
        """The folder of the model that knows one batch more."""

        trained: str
        rows: int
        steps: int
        first_loss: float
        loss: float
        seconds: float
        cpu_seconds: float
        resumed_at: int

    async def __call__(self, see: See) -> Gives:
        if see.round >= len(self.batches):
            raise ValueError(f"round {see.round} (from 0) has no batch; `batches` names {len(self.batches)}")
        how = self.then if see.round else self.first
        job = Job(
            base=see.before or see.model,
            rows=(self.batches[see.round],),
            folder=str(see.place(f"round-{see.round}")),
            how=how,
            earlier=tuple((batch,) for batch in self.batches[: see.round]),
            replay=float(see.arm.get("replay", 0.0)),
            general=self.general,
            seed=int(see.arm.get("seed", 0)),
        )
        return self.Gives(**await done(job, threads=how.threads))
