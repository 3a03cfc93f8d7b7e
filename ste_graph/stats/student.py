"""Student's t interval: exact for normal values, the check on the bootstrap."""

from __future__ import annotations

from collections.abc import Sequence

from ste_graph.stats.interval import LEVEL, Estimate, Interval, Range, too_few


def student(values: Sequence[float], *, level: float = LEVEL, within: Range | None = None) -> Estimate:
    """The mean ± t times its standard error; no interval of fewer than six tools (at 95 %), or of equal values."""
    refused = too_few(values, level)
    if refused:
        return refused
    import numpy as np
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    data = np.asarray(values, float)
    mean, n, spread = float(data.mean()), len(data), float(data.std(ddof=1))
    reach = float(stdtrit(n - 1, 0.5 + level / 2) * spread / np.sqrt(n))
    return Interval(mean, mean - reach, mean + reach, n, "Student's t", level).within(within)
