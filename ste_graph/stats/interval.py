"""Estimates of a mean: an interval, or the reason for its absence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

LEVEL = 0.95

Range: TypeAlias = tuple[float, float]
Scope: TypeAlias = Literal["these tools", "tools like these"]
"""The question that an interval answers, by what is the sample: the cases of tools that are fixed, or the tools."""

TOO_FEW = "too few cases to tell"
"""The beginning of every reason for not giving an interval."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over tools, each counted equally, and the interval that holds the true one at `level`.

    `n` is the size of the sample: cases or tools, by `scope`. Raises `ValueError` unless `low` is less than `high` and
    the mean is between them.
    """

    mean: float
    low: float
    high: float
    n: int
    scope: Scope
    level: float = LEVEL

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"an interval needs a width; got {self.low!r} to {self.high!r}")
        if not self.low <= self.mean <= self.high:
            raise ValueError(f"the mean {self.mean!r} is not between {self.low!r} and {self.high!r}")


@dataclass(frozen=True, slots=True)
class NoInterval:
    """A mean (None of no values) without an interval, and why; the reason begins with `TOO_FEW`."""

    mean: float | None
    n: int
    scope: Scope
    reason: str


Estimate: TypeAlias = Interval | NoInterval
