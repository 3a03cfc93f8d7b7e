"""Estimates of a mean: an interval, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

LEVEL = 0.95

Range: TypeAlias = tuple[float, float]
Method: TypeAlias = Literal["bootstrap-t", "Student's t"]

TOO_FEW = "too few cases to tell"
"""The beginning of every reason why there is no interval."""

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

    def clip(self, limits: Range | None) -> Interval:
        """The interval cut to the range of its value, such as (0, 1) for a proportion."""
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


def minimum_count(level: float = LEVEL) -> int:
    """The fewest values for an interval: of fewer, one sign everywhere is not rare enough (2 / 2⁵ > 0.05 ≥ 2 / 2⁶)."""
    return math.ceil(round(1 - math.log2(1 - level), 9))


def find_no_interval(values: Sequence[float], level: float = LEVEL) -> NoInterval | None:
    """The reason why values have no interval, if so: they are too few, or all equal and so show no variance.

    Raises `ValueError` for a value that is not a finite number.
    """
    if any(not math.isfinite(value) for value in values):
        raise ValueError("every value must be a finite number")
    count = len(values)
    if count < minimum_count(level):
        tools = "1 tool" if count == 1 else f"{count} tools"
        mean = sum(values) / count if values else None
        return NoInterval(mean, count, f"{TOO_FEW}: {tools}, at least {minimum_count(level)} are needed")
    if max(values) - min(values) <= ROUNDING * max(1.0, *map(abs, values)):
        return NoInterval(float(values[0]), count, f"{TOO_FEW}: all {count} tools have the same value")
    return None
