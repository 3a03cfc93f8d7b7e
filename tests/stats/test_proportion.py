"""Proportions of cases, where the tools are fixed and the cases are the sample."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ste_graph.stats import proportion_interval


@pytest.mark.parametrize("counted", [0, 1, 17, 29, 30])
def test_with_as_many_cases_for_each_tool_it_is_clopper_and_pearsons_over_all_cases(counted: int) -> None:
    by_tool = [min(10, counted), min(10, max(0, counted - 10)), max(0, counted - 20)]
    found = proportion_interval(by_tool, [10, 10, 10])
    exact = binomtest(counted, 30).proportion_ci(0.95, "exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))
    assert found.n == 30


@given(st.lists(st.integers(1, 30).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=9))
def test_it_has_a_width_and_holds_the_mean_whatever_was_counted(tools: list[tuple[int, int]]) -> None:
    found = proportion_interval([own for own, _ in tools], [of for _, of in tools])
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert found.high - found.low > 0.01


def test_a_tool_with_few_cases_makes_the_mean_less_sure() -> None:
    assert proportion_interval([3, 30], [3, 30]).low < proportion_interval([16, 17], [16, 17]).low
    assert proportion_interval([6], [6]).low == pytest.approx(0.5407, abs=1e-4)


def test_several_replies_make_a_case_more_certain_by_as_much_as_cases_differ_less() -> None:
    shares = [[0.4, 0.6], [0.5, 0.5], [0.6, 0.4]]
    counted, cases = [sum(own) for own in shares], [2, 2, 2]
    squares = [sum(share**2 for share in own) for own in shares]
    plain = proportion_interval(counted, cases)
    alike = proportion_interval(counted, cases, squares=squares, replies=9)
    assert alike.high - alike.low < 0.8 * (plain.high - plain.low)
    assert proportion_interval(counted, cases, squares=squares, replies=1) == plain
    unlike = proportion_interval([1.0, 1.0, 1.0], cases, squares=[1.0, 1.0, 1.0], replies=9)  # all replies agree
    assert (unlike.low, unlike.high) == (plain.low, plain.high)


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5), min_size=1, max_size=9),
)
def test_it_has_a_width_whatever_several_replies_gave(tools: list[list[int]]) -> None:
    shares = [[count / 9 for count in own] for own in tools]
    found = proportion_interval(
        [sum(own) for own in shares],
        [len(own) for own in shares],
        squares=[sum(share**2 for share in own) for own in shares],
        replies=9,
    )
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert found.low < found.high
