"""Examine: how many held-out requests does a model get right?"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Context
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.training.exactness import Exactness
from ste_graph.training.forgetting import Triangle
from ste_graph.training.gain import gain_table
from ste_graph.training.job import Examine as Job
from ste_graph.training.job import done
from ste_graph.training.plot import plot_gain, plot_rounds


class Examine(Node):
    """Let a model in this process reply to held-out prompts, and count the replies that are just the right call.

    A request counts as unseen if no training row says any of its values that are chosen freely.
    """

    arm: str = "after"
    """What its replies are called in an evaluation."""
    only: tuple[str, ...] = ()
    """The tools to count, the others are listed; none: all count."""
    tokens: Annotated[int, Field(ge=1)] = 128
    chat: bool = False

    class Inputs(NodeInputs):
        """The model's folder; `before`, what was exact of each tool before it was trained, puts a table into words."""

        model: str
        train_files: list[str]
        heldout_files: list[str]
        before: dict[str, float] | None = None

    class Outputs(NodeOutputs):
        """Shares from 0 to 1, see `ste_graph.training.exactness.Exactness`; the table, and the picture's file.

        `replies` are those to requests that want a call, ready to be kept as records. `simulated`: whether a simulated
        model came up with any request.
        """

        count: int
        well_formed: float
        api_match: float
        exact: float
        unseen: int
        exact_unseen: float | None
        counts: dict[str, int]
        per_tool: dict[str, float]
        unseen_counts: dict[str, int]
        unseen_per_tool: dict[str, float]
        table: str
        plot: str | None
        replies: list[dict[str, Any]]
        simulated: bool

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        settings = self.model_dump(include={"only", "tokens", "chat"})
        job = Job(model=inputs.model, groups=[inputs.heldout_files], known=inputs.train_files, **settings)
        result = await done(job, ctx.progress)
        found = Exactness.model_validate(result["results"][0])
        simulated: bool = result["simulated"]
        plot = inputs.before and plot_gain(
            inputs.before, found.per_tool, ctx.output_path("gain.png"), simulated=simulated
        )
        table = gain_table(inputs.before or {}, found, self.only)
        replies = [self._kept(reply) for reply in result["replies"] if reply["gold"]]
        shown = {"table": table, "plot": str(plot) if plot else None, "simulated": simulated}
        return self.Outputs(**found.model_dump(), **shown, replies=replies)

    def _kept(self, reply: dict[str, Any]) -> dict[str, Any]:
        """A reply with its arm, and with a label that says whether a simulated model came up with the request."""
        label = "simulated examples" if reply["simulated"] else "examples"
        kept = {name: reply[name] for name in ("query", "gold", "output", "unseen")}
        return {**kept, "arm": self.arm, "model": f"{label}, {self.arm} training"}


class ExamineBatches(Node):
    """Examine every batch learnt so far: the first before all rounds, one more after each (STE, section 3.4)."""

    names: tuple[str, ...] = ()
    """What the batches are called in the table; without, by number."""
    tokens: Annotated[int, Field(ge=1)] = 128
    chat: bool = False

    class Inputs(NodeInputs):
        """`first` is what was given before all rounds, `rounds` what this node gave after the round before."""

        model: str
        heldout_files: list[str]
        round: int | None = None
        first: list[list[float]] | None = None
        rounds: list[list[float]] | None = None
        arm: dict[str, Any] | None = None

    class Outputs(NodeOutputs):
        """How much of each batch is exact after each was learnt; the table as text; the picture's file."""

        label: str
        rounds: list[list[float]]
        table: str
        plot: str
        simulated: bool

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        learnt = 1 if inputs.round is None else inputs.round + 2
        earlier = [tuple(shares) for shares in inputs.rounds or inputs.first or []][: learnt - 1]
        groups = [[file] for file in inputs.heldout_files[:learnt]]
        job = Job(model=inputs.model, groups=groups, tokens=self.tokens, chat=self.chat)
        result = await done(job, ctx.progress)
        simulated: bool = result["simulated"]
        triangle = Triangle(rounds=(*earlier, tuple(one["exact"] for one in result["results"])), batches=self.names)
        arm = str((inputs.arm or {}).get("name", ""))
        plot = plot_rounds({arm: triangle}, ctx.output_path(f"{arm or 'first'}.png"), simulated=simulated)
        rounds = [list(shares) for shares in triangle.rounds]
        return self.Outputs(label=arm, rounds=rounds, table=triangle.text(), plot=str(plot), simulated=simulated)
