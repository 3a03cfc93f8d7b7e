"""The difference between two arms that were tested on the same tools."""

from __future__ import annotations

from collections.abc import Sequence

from ste_graph.stats.bootstrap import bootstrap_t
from ste_graph.stats.interval import LEVEL, Estimate, Range


def paired_difference(
    a: Sequence[float], b: Sequence[float], seed: int = 0, *, level: float = LEVEL, limits: Range | None = None
) -> Estimate:
    """Interval of the mean of b - a, tool by tool: what both arms find hard, or easy, cancels out.

    Raises `ValueError` if the arms do not have the same number of values.
    """
    if len(a) != len(b):
        raise ValueError(f"the arms must have one value for each of the same tools; got {len(a)} and {len(b)}")
    gains = [second - first for first, second in zip(a, b, strict=True)]
    return bootstrap_t(gains, seed, level=level, limits=limits)
