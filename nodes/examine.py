"""Examine: how many held-out requests does a model get right?"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.node import Node, Output, Reads
from ste_graph.settings import RelativePath
from ste_graph.training.forgetting import Triangle
from ste_graph.training.job import Examine as Job
from ste_graph.training.job import done
from ste_graph.training.plot import plot_rounds


class Examine(Node):
    """Let a model in this process reply to held-out prompts, and count the replies that are just the right call."""

    rows: RelativePath
    known: tuple[RelativePath, ...] = ()
    """The training rows: requests with a value that none of them has are counted apart too."""
    tokens: Annotated[int, Field(ge=1)] = 128
    chat: bool = False

    class See(Reads):
        """The folder of the model."""

        model: str

    class Gives(Output):
        """Shares from 0 to 1, see `ste_graph.training.exactness.Exactness`."""

        count: int
        well_formed: float
        api_match: float
        exact: float
        per_tool: dict[str, float]
        unseen: int
        exact_unseen: float | None

    async def __call__(self, see: See) -> Gives:
        job = Job(model=see.model, files=(self.rows,), known=self.known, tokens=self.tokens, chat=self.chat)
        return self.Gives(**(await done(job))["results"][0])


class ExamineBatches(Node):
    """After each round of continual learning, examine every batch learnt so far (STE, section 3.4)."""

    batches: Annotated[tuple[RelativePath, ...], Field(min_length=1)]
    """Held-out rows, one file per batch, in the order of the rounds."""
    names: tuple[str, ...] = ()
    tokens: Annotated[int, Field(ge=1)] = 128
    chat: bool = False

    class See(Reads):
        """`rounds` is what this node gave after the round before."""

        model: str
        round: int
        rounds: list[list[float]] | None = None
        arm: dict[str, Any]

    class Gives(Output):
        """Per round, how much of each batch is exact; the table as text; the picture's file."""

        rounds: list[list[float]]
        table: str
        plot: str

    async def __call__(self, see: See) -> Gives:
        earlier = [tuple(shares) for shares in see.rounds or []][: see.round]
        files = self.batches[: see.round + 1]
        results = (await done(Job(model=see.model, files=files, tokens=self.tokens, chat=self.chat)))["results"]
        triangle = Triangle(rounds=(*earlier, tuple(one["exact"] for one in results)), batches=self.names)
        plot = plot_rounds({str(see.arm.get("name", "")): triangle}, see.place("rounds.png"))
        return self.Gives(rounds=[list(one) for one in triangle.rounds], table=triangle.text(), plot=str(plot))
