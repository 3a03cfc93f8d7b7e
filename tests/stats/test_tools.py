"""Means over tools that are a sample of more like them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ste_graph.stats import Interval, NoInterval, tools_interval


@pytest.mark.parametrize("right", [0, 3, 9, 10])
def test_of_tools_that_are_all_right_or_all_wrong_it_is_clopper_and_pearsons(right: int) -> None:
    found = tools_interval([1.0] * right + [0.0] * (10 - right), (0, 1))
    exact = binomtest(right, 10).proportion_ci(0.95, "exact")
    assert isinstance(found, Interval)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=0.01)


def test_of_fewer_than_six_tools_there_is_none_and_the_reason_says_so() -> None:
    reason = "too few cases to tell: 5 tools, at least 6 are needed"
    assert tools_interval([0.1, 0.2, 0.3, 0.4, 0.5], (0, 1)) == NoInterval(0.3, 5, "tools like these", reason)
    assert tools_interval([], (0, 1)).mean is None


def test_gains_of_twelve_tools_that_are_all_above_0_are_above_0() -> None:
    found = tools_interval([0.76, 0.9, 1, 0.4, 0.5, 0.6, 0.3, 1, 1, 1, 0.8, 0.7], (-1, 1))
    assert isinstance(found, Interval)
    assert 0 < found.low < found.mean < found.high < 1


@given(st.lists(st.floats(0, 1), min_size=6, max_size=20), st.integers(0, 3))
def test_it_has_a_width_holds_the_mean_and_is_the_same_for_a_seed(values: list[float], seed: int) -> None:
    found = tools_interval(values, (0, 1), seed)
    assert isinstance(found, Interval)
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert found.high - found.low > 0.05
    assert found == tools_interval(values[::-1], (0, 1), seed)


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 1.01, -0.01])
def test_a_value_that_cannot_be_is_refused(odd: float) -> None:
    with pytest.raises(ValueError, match="every value must be between 0 and 1"):
        tools_interval([0.5] * 6 + [odd], (0, 1))
