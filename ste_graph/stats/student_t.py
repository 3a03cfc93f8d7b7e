"""Student's t interval: exact for normal values, the check on the bootstrap."""

from __future__ import annotations

from collections.abc import Sequence

from ste_graph.stats.interval import LEVEL, Estimate, Interval, Range, find_no_interval


def student_t(values: Sequence[float], *, level: float = LEVEL, limits: Range | None = None) -> Estimate:
    """Interval of the mean, ± t times its standard error; none for fewer than six values (at 95 %), or equal ones."""
    if missing := find_no_interval(values, level):
        return missing
    import numpy as np
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    data = np.asarray(values, float)
    mean, n, spread = float(data.mean()), len(data), float(data.std(ddof=1))
    margin = float(stdtrit(n - 1, 0.5 + level / 2) * spread / np.sqrt(n))
    return Interval(mean, mean - margin, mean + margin, n, "Student's t", level).clip(limits)
