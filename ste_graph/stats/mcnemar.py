"""McNemar's test of two arms on the same cases, with the mid-p value.

Source: Fagerland, Lydersen and Laake (2013), The McNemar test for binary matched-pairs data, BMC Medical Research
Methodology 13:91.
"""

from __future__ import annotations

from math import comb


def mcnemar_mid_p(won: int, lost: int) -> float:
    """The two-sided mid-p value that two arms are equally good, from the cases that only one of them has right.

    Cases that both have right, or neither, say nothing about a difference. 1 where there are no others. Raises
    `ValueError` for a negative count.
    """
    if won < 0 or lost < 0:
        raise ValueError(f"counts of cases are not negative; got {won} and {lost}")
    n, fewer = won + lost, min(won, lost)
    tail = sum(comb(n, count) for count in range(fewer + 1))
    return float(min(1.0, (2 * tail - comb(n, fewer)) / 2**n))
