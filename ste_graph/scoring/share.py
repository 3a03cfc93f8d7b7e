"""Shares of replies: the paper's three, each between two bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ste_graph.contracts import Json
from ste_graph.scoring.label import Label


@dataclass(frozen=True, slots=True)
class Share:
    """How many of so many, between two bounds that differ by what nobody has decided."""

    lower: int
    upper: int
    of: int

    @property
    def low(self) -> float | None:
        """The lower bound as a fraction; None of nothing."""
        return self.lower / self.of if self.of else None

    @property
    def high(self) -> float | None:
        return self.upper / self.of if self.of else None

    def to_json(self) -> dict[str, Json]:
        return {"lower": self.low, "upper": self.high, "count": [self.lower, self.upper], "of": self.of}

    def __str__(self) -> str:
        """In percent, with one decimal: `30.1`, or `22.4..30.4`, or `-` of nothing."""
        if self.low is None or self.high is None:
            return "-"
        low, high = f"{100 * self.low:.1f}", f"{100 * self.high:.1f}"
        return low if self.lower == self.upper else f"{low}..{high}"


Measure = Callable[[Iterable[Label]], Share]
"""A share of some labels."""


def wellformed(labels: Iterable[Label]) -> Share:
    """Replies with a call that can be read, of all."""
    own = list(labels)
    count = sum(not one.err and not one.no_call for one in own)
    return Share(count, count, len(own))


def api_match(labels: Iterable[Label]) -> Share:
    """Calls to the right tool, of those that can be read."""
    matches = [one.api_match for one in labels if one.api_match is not None]
    return Share(sum(matches), sum(matches), len(matches))


def correct(labels: Iterable[Label], *, strict: bool = False) -> Share:
    """Right calls, of all; `strict` takes one with an argument that the gold call does not have for wrong."""
    verdicts = [False if strict and one.extra else one.correct for one in labels]
    right = sum(one is True for one in verdicts)
    return Share(right, right + verdicts.count(None), len(verdicts))
