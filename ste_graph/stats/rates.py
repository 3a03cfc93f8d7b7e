"""The test of two rates: whether something happened equally often in two arms, for as many chances as each had.

Source: Przyborowski and Wilenski (1940), Homogeneity of results in testing samples from Poisson series, Biometrika
31:313-323. Of counts that are no rare events it is conservative.
"""

from __future__ import annotations


def rates_p_value(first: int, first_of: int, second: int, second_of: int) -> float:
    """The two-sided p-value that two rates are equal; 1 where nothing happened, or an arm had no chance of it.

    Args:
        first: How often it happened in the first arm.
        first_of: The chances that the first arm had.
        second: How often it happened in the second arm.
        second_of: The chances that the second arm had.

    Raises:
        ValueError: for a negative count.
    """
    if min(first, first_of, second, second_of) < 0:
        raise ValueError(f"counts are not negative; got {first} of {first_of} and {second} of {second_of}")
    count = first + second
    if not (count and first_of and second_of):
        return 1.0
    from scipy.special import betainc  # type: ignore[import-untyped]

    share = second_of / (first_of + second_of)
    below = 1.0 if second == count else float(betainc(count - second, second + 1, 1 - share))
    above = 1.0 if second == 0 else float(betainc(second, count - second + 1, share))
    return min(1.0, 2 * min(below, above))
