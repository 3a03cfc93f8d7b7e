"""The bootstrap-t interval: resampled means, each in units of its own standard error.

Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 12.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ste_graph.stats.interval import LEVEL, Estimate, Interval, Range, find_no_interval
from ste_graph.stats.student_t import student_t

RESAMPLES = 9_999
"""One less than a round number, so that the percentiles of 95 % are values that were drawn."""


def bootstrap_t(
    values: Sequence[float],
    seed: int = 0,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    limits: Range | None = None,
) -> Estimate:
    """Interval of the mean of `values`, one per tool; the same seed gives the same interval.

    There is none for fewer than six values (at 95 %), or if all values are equal.

    Where so many resamples consist of one value only that a percentile is infinite (as with five times 1 and once 0),
    Student's t is used instead, with a note that says so.

    Args:
        values: One per tool, so that tools are resampled: requests to one tool are not independent.
        seed: Seed of the resampling.
        level: Confidence level.
        resamples: Number of resamples.
        limits: The range of the mean, such as (0, 1) for a share.
    """
    if missing := find_no_interval(values, level):
        return missing
    import numpy as np

    data = np.asarray(values, float)
    mean, n, spread = float(data.mean()), len(data), float(data.std(ddof=1))
    drawn = ((data - mean) / spread)[np.random.default_rng(seed).integers(0, n, (resamples, n))]
    gaps, errors = drawn.mean(axis=1), drawn.std(axis=1, ddof=1) / np.sqrt(n)
    alike = np.ptp(drawn, axis=1) == 0
    far = np.where(gaps > 0, np.inf, np.where(gaps < 0, -np.inf, 0.0))
    t = np.where(alike, far, gaps / np.where(alike, 1, errors))
    t.sort()
    tail = max(int((resamples + 1) * (1 - level) / 2 + 1e-9), 1)
    lowest, highest = float(t[tail - 1]), float(t[-tail])
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        instead = student_t(values, level=level, limits=limits)
        assert isinstance(instead, Interval)
        return replace(instead, note="too little spread for the bootstrap-t: Student's t instead")
    error = spread / float(np.sqrt(n))
    return Interval(mean, mean - highest * error, mean - lowest * error, n, "bootstrap-t", level).clip(limits)
