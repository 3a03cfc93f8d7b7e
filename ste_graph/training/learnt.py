"""What a training has come to, as a run's journal keeps it."""

from __future__ import annotations

from ste_graph.contracts import Json
from ste_graph.records import Record


class Learnt(Record):
    """A model before and after a training: shares of held-out requests that it answers with just the right call."""

    model: str
    """The folder of the trained model."""
    rows: int
    steps: int
    loss: float
    seconds: float
    cpu_seconds: float
    before: float
    after: float
    after_unseen: float | None = None
    """Of the requests with a value that no training row has."""
    per_tool: dict[str, float]
    table: str
    plot: str | None = None

    @property
    def text(self) -> str:
        return f"{100 * self.before:.1f} % exact before, {100 * self.after:.1f} % after {self.steps} steps"


class Round(Record):
    """A round of continual learning; see `ste_graph.training.forgetting.Triangle` for `rounds`."""

    label: str
    """The arm's name."""
    model: str
    rows: int
    steps: int
    loss: float
    seconds: float
    cpu_seconds: float
    rounds: list[list[float]]
    table: str
    plot: Json = None

    @property
    def text(self) -> str:
        return f"{self.label}\n{self.table}"
