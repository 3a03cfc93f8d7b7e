"""What is known of a mean: an interval, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

LEVEL = 0.95

Range: TypeAlias = tuple[float, float]
Method: TypeAlias = Literal["bootstrap-t", "Student's t"]

TOO_FEW = "too few cases to tell"
"""How the reason begins why there is no interval."""

ROUNDING = 1e-12
"""Values that differ by no more than this, as a share of the largest (or of 1), are equal but for rounding."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `n` values and the interval that holds the true one at `level`; it always has a width.

    Raises `ValueError` unless `low` is less than `high`.
    """

    mean: float
    low: float
    high: float
    n: int
    method: Method
    level: float = LEVEL
    note: str | None = None

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"an interval needs a width; got {self.low!r} to {self.high!r}")

    def within(self, limits: Range | None) -> Interval:
        """The same, cut to what the value can be, such as (0, 1) for a share."""
        if limits is None:
            return self
        least, most = limits
        return replace(self, low=min(max(self.low, least), most), high=min(max(self.high, least), most))


@dataclass(frozen=True, slots=True)
class NoInterval:
    """A mean (None of no values) without an interval, and why; the reason begins with `TOO_FEW`."""

    mean: float | None
    n: int
    reason: str


Estimate: TypeAlias = Interval | NoInterval


def fewest(level: float = LEVEL) -> int:
    """With fewer values than this not even the same sign everywhere is rare enough: 2 / 2⁵ > 0.05 ≥ 2 / 2⁶."""
    return math.ceil(round(1 - math.log2(1 - level), 9))


def too_few(values: Sequence[float], level: float = LEVEL) -> NoInterval | None:
    """The refusal of values that are too few, or all equal: those say nothing of how much the mean could vary.

    Raises `ValueError` for a value that is not a finite number.
    """
    if any(not math.isfinite(value) for value in values):
        raise ValueError("every value must be a finite number")
    count = len(values)
    if count < fewest(level):
        tools = "1 tool" if count == 1 else f"{count} tools"
        mean = sum(values) / count if values else None
        return NoInterval(mean, count, f"{TOO_FEW}: {tools}, at least {fewest(level)} are needed")
    if max(values) - min(values) <= ROUNDING * max(1.0, *map(abs, values)):
        return NoInterval(float(values[0]), count, f"{TOO_FEW}: all {count} tools have the same value")
    return None
