"""Records of training, as a run's journal keeps them."""

from __future__ import annotations

from pydantic import Field

from ste_graph.contracts import Json
from ste_graph.records import Record


class Training(Record):
    """A model before and after a training: shares of held-out requests that it answers with exactly the right call.

    A training that is not examined has no such figures.
    """

    model: str
    """The folder of the trained model."""
    rows: int
    steps: int
    loss: float
    losses: list[tuple[int, float]] = Field(default=[])
    """The loss over the steps, each with the step at which it was logged."""
    seconds: float
    cpu_seconds: float
    before: float | None = None
    after: float | None = None
    after_unseen: float | None = None
    """Of the requests none of whose freely chosen values is in a training row."""
    unseen: int = 0
    """The number of those requests."""
    per_tool: dict[str, float] = Field(default={})
    untested: list[str] = Field(default=[])
    """The tools that were trained on and have no held-out case."""
    table: str = ""
    plot: str | None = None
    simulated: bool = False
    """True if a simulated model came up with any of the requests."""

    @property
    def text(self) -> str:
        if self.before is None or self.after is None:
            return f"trained on {self.rows:,} rows in {self.steps:,} steps; a test says what it gained"
        label = "simulated requests: " if self.simulated else ""
        return f"{label}{100 * self.before:.1f} % exact before, {100 * self.after:.1f} % after {self.steps} steps"


class Round(Record):
    """A round of continual learning; see `ste_graph.training.results.AccuracyMatrix` for `rounds`."""

    label: str
    """The arm's name."""
    batches: list[list[str]] = Field(default=[])
    """The tools of each batch."""
    model: str
    rows: int
    steps: int
    loss: float
    losses: list[tuple[int, float]] = Field(default=[])
    """The loss over the steps of this round."""
    seconds: float
    cpu_seconds: float
    rounds: list[list[float]]
    table: str
    plot: Json = None
    simulated: bool = False

    @property
    def text(self) -> str:
        return f"{self.label}{' (simulated requests)' if self.simulated else ''}\n{self.table}"
