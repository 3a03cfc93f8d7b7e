"""Examine: count the held-out requests that a model answers with exactly the right call."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Context
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.training.exactness import Exactness
from ste_graph.training.job import ExamineJob, run_job
from ste_graph.training.results import AccuracyMatrix, gain_table, plot_gain, plot_rounds


class Examine(Node):
    """Let a model in this process reply to held-out prompts, and count the replies that are exactly the right call.

    A request counts as unseen if no training row has any of its freely chosen values.
    """

    arm: str = "after"
    """The name of its replies in an evaluation."""
    include: tuple[str, ...] = ()
    """The tools that count, the others are listed; empty: all count."""
    tokens: Annotated[int, Field(ge=1)] = 128
    """The longest reply, in tokens."""
    chat: bool = False
    """True: prompts are put into the model's chat template."""
    threads: Annotated[int, Field(ge=1)] = 1
    """Of the CPU, for the model that replies."""

    class Inputs(NodeInputs):
        """`model` is a folder; `before`, the exact share per tool before training, adds a column and a plot."""

        model: str
        train_files: list[str]
        heldout_files: list[str]
        before: dict[str, float] | None = None

    class Outputs(Exactness, NodeOutputs):
        """The fields of `Exactness`, the table, and the plot's file.

        `replies` are those to requests that want a call, ready to be kept as records. `simulated`: true if a simulated
        model came up with any request.
        """

        table: str
        plot: str | None
        replies: list[dict[str, Any]]
        simulated: bool

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        settings = self.model_dump(include={"include", "tokens", "chat", "threads"})
        groups = [inputs.heldout_files]
        result = await run_job(
            ExamineJob(model=inputs.model, groups=groups, train_files=inputs.train_files, **settings),
            ctx.progress,
            threads=self.threads,
        )
        exactness = Exactness.model_validate(result["results"][0])
        simulated: bool = result["simulated"]
        plot = inputs.before and plot_gain(
            inputs.before, exactness.per_tool, ctx.output_path("gain.png"), simulated=simulated
        )
        return self.Outputs(
            **exactness.model_dump(),
            table=gain_table(inputs.before or {}, exactness, self.include),
            plot=str(plot) if plot else None,
            replies=[self._reply_fields(reply) for reply in result["replies"] if reply["gold"]],
            simulated=simulated,
        )

    def _reply_fields(self, reply: dict[str, Any]) -> dict[str, Any]:
        """A reply with its arm, and with a label that tells if a simulated model came up with the request."""
        label = "simulated examples" if reply["simulated"] else "examples"
        fields = {name: reply[name] for name in ("query", "gold", "output", "unseen")}
        return {**fields, "arm": self.arm, "model": f"{label}, {self.arm} training"}


class ExamineBatches(Node):
    """Examine every batch learnt so far: the first before all rounds, one more after each (STE, section 3.4)."""

    names: tuple[str, ...] = ()
    """The names of the batches in the table; without, they are numbered."""
    tokens: Annotated[int, Field(ge=1)] = 128
    """The longest reply, in tokens."""
    chat: bool = False
    """True: prompts are put into the model's chat template."""
    threads: Annotated[int, Field(ge=1)] = 1
    """Of the CPU, for the model that replies."""

    class Inputs(NodeInputs):
        """`first` is the result before all rounds, `rounds` this node's own of the previous round."""

        model: str
        heldout_files: list[str]
        round: int | None = None
        first: list[list[float]] | None = None
        rounds: list[list[float]] | None = None
        arm: dict[str, Any] | None = None

    class Outputs(NodeOutputs):
        """The exact share of each batch after each round; the table as text; the plot's file."""

        label: str
        rounds: list[list[float]]
        table: str
        plot: str
        simulated: bool

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        count = 1 if inputs.round is None else inputs.round + 2
        earlier = [tuple(shares) for shares in inputs.rounds or inputs.first or []][: count - 1]
        groups = [[file] for file in inputs.heldout_files[:count]]
        settings = self.model_dump(include={"tokens", "chat", "threads"})
        job = ExamineJob(model=inputs.model, groups=groups, **settings)
        result = await run_job(job, ctx.progress, threads=self.threads)
        simulated: bool = result["simulated"]
        shares = tuple(exactness["exact"] for exactness in result["results"])
        matrix = AccuracyMatrix(rounds=(*earlier, shares), batches=self.names)
        arm = str((inputs.arm or {}).get("name", ""))
        plot = plot_rounds({arm: matrix}, ctx.output_path(f"{arm or 'first'}.png"), simulated=simulated)
        rounds = [list(shares) for shares in matrix.rounds]
        return self.Outputs(label=arm, rounds=rounds, table=matrix.table(), plot=str(plot), simulated=simulated)
