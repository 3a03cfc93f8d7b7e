"""What is known of a mean: an interval, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

LEVEL = 0.95

Range: TypeAlias = tuple[float, float]
Method: TypeAlias = Literal["bootstrap-t", "Student's t", "no spread"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `n` values and the interval that holds the true one at `level`.

    With the method `no spread` all values are equal: there is nothing to resample, and low = mean = high.
    """

    mean: float
    low: float
    high: float
    n: int
    method: Method
    level: float = LEVEL
    note: str | None = None

    def within(self, limits: Range | None) -> Interval:
        """The same, cut to what the value can be, such as (0, 1) for a share."""
        if limits is None:
            return self
        least, most = limits
        return replace(self, low=min(max(self.low, least), most), high=min(max(self.high, least), most))


@dataclass(frozen=True, slots=True)
class NoInterval:
    """A mean (None of no values) without an interval, and why."""

    mean: float | None
    n: int
    reason: str


Estimate: TypeAlias = Interval | NoInterval


def fewest(level: float = LEVEL) -> int:
    """With fewer values than this not even the same sign everywhere is rare enough: 2 / 2⁵ > 0.05 ≥ 2 / 2⁶."""
    return math.ceil(round(1 - math.log2(1 - level), 9))


def too_few(values: Sequence[float], level: float = LEVEL) -> NoInterval | None:
    """The refusal of values that are too few. Raises `ValueError` for a value that is no finite number."""
    if any(not math.isfinite(value) for value in values):
        raise ValueError("every value must be a finite number")
    if len(values) >= fewest(level):
        return None
    mean = sum(values) / len(values) if values else None
    return NoInterval(mean, len(values), f"{len(values)} tools, at least {fewest(level)} are needed")
