"""Gains of one arm over another, where the tools are fixed and the cases are the sample."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multinomial

from ste_graph.stats import cases_needed, gain_interval, gain_p_value, gain_power
from ste_graph.stats.gain import _score


def test_the_score_is_the_gain_seen_against_the_likeliest_world_with_another_gain() -> None:
    won, lost, cases, gain = 7.5, 2.5, 37.0, 0.05
    # Every world with this gain has a share `lose` of lost cases; the likeliest is looked for on a fine grid.
    lose = np.linspace(1e-6, (1 - gain) / 2 - 1e-6, 200_001)
    likelihood = won * np.log(lose + gain) + lost * np.log(lose) + (cases - won - lost) * np.log(1 - gain - 2 * lose)
    likeliest = float(lose[likelihood.argmax()])
    error = math.sqrt(cases * (2 * likeliest + gain * (1 - gain)))
    assert _score(gain, won, lost, cases) == pytest.approx((won - lost - cases * gain) / error, rel=1e-4)


@pytest.mark.parametrize("cases", [3, 7, 18, 40])
@pytest.mark.parametrize(("win", "lose"), [(0, 0), (0.05, 0.05), (0.1, 0), (0.3, 0.1), (0.2, 0.2), (0.5, 0.05)])
def test_the_interval_holds_the_true_gain_often_enough(cases: int, win: float, lose: float) -> None:
    world = multinomial(cases, [win, lose, 1 - win - lose])
    held = 0.0
    for won in range(cases + 1):
        for lost in range(cases - won + 1):
            found = gain_interval([won], [lost], [cases])
            held += world.pmf([won, lost, cases - won - lost]) * (found.low <= win - lose <= found.high)
    assert held >= 0.94


def test_a_gain_that_nobody_can_doubt_is_shown() -> None:
    cases, won = [28] * 12, [22] * 11 + [26]
    found = gain_interval(won, [0] * 12, cases)
    assert sum(won) == 268
    assert found.mean == pytest.approx(0.8, abs=0.01)
    assert found.low > 0.7
    assert gain_p_value(won, [0] * 12, cases) < 1e-6


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (3, 0), (0, 3), (6, 0)])
def test_where_all_cases_agree_the_interval_has_a_width_all_the_same(won: int, lost: int) -> None:
    found = gain_interval([won], [lost], [6])
    assert found.high - found.low > 0.3


def test_one_case_says_next_to_nothing() -> None:
    found = gain_interval([1], [0], [1])
    assert (found.mean, found.high) == (1, 1)
    assert found.low < -0.3


def test_as_many_cases_for_each_tool_count_as_one_sample() -> None:
    apart, together = gain_interval([3, 1, 2], [0, 1, 0], [6, 6, 6]), gain_interval([6], [1], [18])
    assert (apart.low, apart.high) == pytest.approx((together.low, together.high))


def test_three_cases_that_agree_say_less_of_their_tool_than_thirty() -> None:
    uneven = gain_interval([0, 9], [0, 0], [3, 30])
    even = gain_interval([0, 5], [0, 0], [16, 17])
    assert uneven.mean == pytest.approx(0.15)
    assert uneven.high - uneven.low > 1.2 * (even.high - even.low)


@given(st.lists(st.integers(1, 30).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=9))
def test_swapping_the_arms_turns_the_interval_around(tools: list[tuple[int, int]]) -> None:
    won, cases = [own for own, _ in tools], [of for _, of in tools]
    lost = [(of - own) // 2 for own, of in tools]
    there, back = gain_interval(won, lost, cases), gain_interval(lost, won, cases)
    assert (there.mean, there.low, there.high) == pytest.approx((-back.mean, -back.high, -back.low), abs=1e-9)
    assert -1 <= there.low <= there.mean <= there.high <= 1
    assert (there.low > 0 or there.high < 0) == (gain_p_value(won, lost, cases) < 0.05)


@pytest.mark.parametrize(
    ("won", "lost", "cases"), [([], [], []), ([1], [0], [0]), ([2], [1], [2]), ([1, 0], [0], [3]), ([-1], [0], [2])]
)
def test_counts_that_cannot_be_are_refused(won: list[int], lost: list[int], cases: list[int]) -> None:
    with pytest.raises(ValueError, match=r"case|counts"):
        gain_interval(won, lost, cases)


def test_power_is_what_ten_tools_with_six_cases_each_can_show() -> None:
    assert gain_power(0.1, 60, baseline=0.7) == pytest.approx(0.391, abs=0.001)
    assert gain_power(0.2, 60, baseline=0.7) > 0.9
    assert gain_power(0.0, 60, baseline=0.7) < 0.025
    assert gain_power(0.1, 3, baseline=0.7) == 0, "three cases that are all won are no proof"


@pytest.mark.parametrize(
    ("gain", "baseline"), [(0.1, 0.7), (0.2, 0.7), (0.3, 0.5), (0.4, 0.3), (0.6, 0.2), (0.9, 0.05)]
)
def test_the_cases_that_a_gain_needs_are_the_fewest_that_show_it_in_four_of_five_tests(gain, baseline) -> None:
    second = baseline + gain
    both = baseline * second + 0.5 * math.sqrt(baseline * (1 - baseline) * second * (1 - second))
    needed = cases_needed(gain, differing=baseline + second - 2 * min(both, baseline))
    assert needed is not None
    assert gain_power(gain, needed, baseline=baseline) >= 0.8 > gain_power(gain, needed - 1, baseline=baseline)


def test_no_gain_needs_fewer_cases_than_a_sure_one() -> None:
    assert cases_needed(1.0, differing=1.0) == 5
    assert gain_interval([4], [0], [4]).low < 0 < gain_interval([5], [0], [5]).low
    assert cases_needed(0, differing=0.2) is None
    assert cases_needed(0.001, differing=0.5) == pytest.approx(3.92e6, rel=0.01)


def test_several_replies_that_never_differ_are_worth_one() -> None:
    single = gain_interval([6], [1], [18])
    thrice = gain_interval([6], [1], [18], squares=[7], replies=3)
    assert (thrice.low, thrice.high) == (single.low, single.high)


def test_several_replies_that_differ_narrow_the_interval_but_never_as_much_as_more_cases() -> None:
    single = gain_interval([8], [2], [30])
    # Of three replies a case, the gains are thirds: 24 thirds won, 6 lost.
    thrice = gain_interval([8], [2], [30], squares=[30 / 9], replies=3)
    more = gain_interval([24], [6], [90])
    assert single.high - single.low > thrice.high - thrice.low >= more.high - more.low - 1e-9
    assert thrice.mean == pytest.approx(0.2)


@pytest.mark.parametrize("replies", [2, 3])
def test_the_interval_holds_the_true_gain_with_replies_that_agree_by_how_hard_a_case_is(replies: int) -> None:
    """A short form of `python -m tests.bench intervals`."""
    random = np.random.default_rng(0)
    held, repetitions = 0, 300
    for _ in range(repetitions):
        ease = random.beta(2, 1, (4, 6))
        after = ease + (1 - ease) * 0.3
        gains = (random.binomial(replies, after) - random.binomial(replies, ease)) / replies
        won, lost, squares = (own.sum(1).tolist() for own in (gains.clip(0), (-gains).clip(0), gains**2))
        found = gain_interval(won, lost, [6] * 4, squares=squares, replies=replies)
        held += found.low <= 0.1 <= found.high
    assert held / repetitions >= 0.93
