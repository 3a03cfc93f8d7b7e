"""The interval of a proportion of cases, for tools that are fixed.

Source: Clopper and Pearson (1934), The use of confidence or fiducial limits, Biometrika 26:404-413; that it holds for
tools that differ: Hoeffding (1956), On the distribution of the number of successes in independent trials, Annals of
Mathematical Statistics 27:713-721.
"""

from __future__ import annotations

from collections.abc import Sequence

from ste_graph.stats.effective_cases import check_counts, effective_cases
from ste_graph.stats.interval import LEVEL, Interval

ADDED = 0.5
"""Cases that are added to the spread of cases, which a few may show as less than it is."""


def proportion_interval(
    counted: Sequence[float],
    cases: Sequence[int],
    *,
    squares: Sequence[float] | None = None,
    replies: int = 1,
    level: float = LEVEL,
) -> Interval:
    """Interval of the mean over tools of the proportion counted; from one case upwards.

    With as many cases for each tool it is Clopper's and Pearson's over all cases. Tools of different difficulty make
    the true coverage higher, never lower; and so do several replies a case, whose mean counts as a part of the case.
    With `squares`, several replies make a case more certain, as in `gain_interval`: by as much as the cases differ less
    than those of one reply, where half a case is added to what both are worth, and they are worth `replies` cases at
    most. It then holds the true proportion in 96 % of samples or more (simulated for 3 and 12 tools, 1 to 5 cases of 4
    and 9 replies that depend on one another not at all, a little and much).

    Args:
        counted: The cases that have what is measured, by tool; of a case with several replies, the share that has it.
        cases: All cases, by tool.
        squares: The squared shares of all cases, added up by tool; unset: each case counts as one reply.
        replies: The replies to a case.
        level: Confidence level.
    """
    from scipy.special import betaincinv  # type: ignore[import-untyped]

    check_counts(cases, counted)
    mean = sum(count / of for count, of in zip(counted, cases, strict=True)) / len(cases)
    smoothed = [(count + 0.5) / (of + 1) for count, of in zip(counted, cases, strict=True)]
    size = effective_cases([share * (1 - share) for share in smoothed], cases)
    if squares is not None and replies > 1:
        square = sum(own / of for own, of in zip(squares, cases, strict=True)) / len(cases)
        single, seen = (max(spread - mean**2, 0.0) * size + ADDED for spread in (mean, square))
        size *= min(max(single / seen, 1.0), replies)
    have, lack, tail = mean * size, (1 - mean) * size, (1 - level) / 2
    low = float(betaincinv(have, lack + 1, tail)) if have > 0 else 0.0
    high = float(betaincinv(have + 1, lack, 1 - tail)) if lack > 0 else 1.0
    return Interval(mean, min(low, mean), max(high, mean), sum(cases), "these tools", level)
