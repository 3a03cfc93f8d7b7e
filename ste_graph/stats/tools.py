"""The interval of a mean over tools, where the tools are a sample of more like them.

Source: Gaffke (2005), Three test statistics for a nonparametric one-sided hypothesis on the mean of a nonnegative
variable, Mathematical Methods of Statistics 14:451-467; as bounds of a mean: Phan, Thomas and Learned-Miller (2021),
Towards practical mean bounds for small samples, ICML.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ste_graph.stats.interval import LEVEL, TOO_FEW, Estimate, Interval, NoInterval, Range
from ste_graph.text import count_noun

FEWEST = 6
"""Tools for an interval: of fewer, one sign everywhere is not rare enough (2 / 2⁵ > 0.05 ≥ 2 / 2⁶)."""

DRAWS = 19_999


def tools_interval(values: Sequence[float], limits: Range, seed: int = 0, *, level: float = LEVEL) -> Estimate:
    """Interval of the mean of `values`, one per tool; the same seed gives the same interval.

    The lower end is a low percentile of the means of `values` and the least possible one under random weights (those
    of the Bayesian bootstrap), the upper end likewise: for proportions of 0 or 1 this is the Clopper-Pearson
    interval. It assumes nothing but that the values lie within `limits`, and so is wide for few tools.

    Raises `ValueError` for a value that is outside the limits or not a number.

    Args:
        values: One per tool: requests to one tool are not independent.
        limits: The least and the greatest possible value, such as (0, 1) for a proportion.
        seed: Seed of the weights.
        level: Confidence level.
    """
    least, most = limits
    if any(not least <= value <= most for value in values):
        raise ValueError(f"every value must be between {least} and {most}; got {list(values)}")
    count = len(values)
    mean = math.fsum(values) / count if values else None
    if mean is None or count < FEWEST:
        reason = f"{TOO_FEW}: {count_noun(count, 'tool')}, at least {FEWEST} are needed"
        return NoInterval(mean, count, "tools like these", reason)
    import numpy as np

    weights = np.random.default_rng(seed).standard_exponential((DRAWS, count + 1))
    weights /= weights.sum(axis=1, keepdims=True)
    known = weights[:, :count] @ np.sort(np.asarray(values, float))
    tail = (1 - level) / 2
    low = float(np.quantile(known + weights[:, count] * least, tail))
    high = float(np.quantile(known + weights[:, count] * most, 1 - tail))
    return Interval(mean, max(min(low, mean), least), min(max(high, mean), most), count, "tools like these", level)
