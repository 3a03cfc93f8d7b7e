from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.stats import Interval, NoInterval, bootstrap_t, paired_difference, student_t

MICE = [52, 104, 146, 10, 50, 31, 40, 27, 46]
"""Days that nine untreated mice lived (Efron and Tibshirani 1993, table 2.1)."""

values = st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 6)), min_size=6, max_size=30).filter(
    lambda drawn: max(drawn) - min(drawn) > 1e-3
)


def test_the_interval_of_the_mice_is_the_one_of_the_book():
    found = bootstrap_t(MICE, level=0.9, resamples=99_999)
    assert isinstance(found, Interval)
    assert found.mean == pytest.approx(56.22, abs=0.01)
    assert (found.low, found.high) == pytest.approx((35.82, 116.74), rel=0.02)  # the book drew 1,000 samples


def test_the_interval_is_the_one_over_every_possible_resample():
    data = np.array([0.2, 0.4, 0.5, 0.7, 0.9, 1.0])
    drawn = np.array(list(itertools.product(data, repeat=6)))
    drawn = drawn[np.ptp(drawn, axis=1) > 0]
    t = np.sort((drawn.mean(axis=1) - data.mean()) / drawn.std(axis=1, ddof=1))
    low, high = (data.mean() - t[int(len(t) * share)] * data.std(ddof=1) for share in (0.975, 0.025))
    found = bootstrap_t(data, resamples=99_999)
    assert isinstance(found, Interval)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)


def test_students_interval_is_the_textbooks():
    found = student_t([1, 2, 3, 4, 5, 6])
    assert isinstance(found, Interval)
    margin = 2.570582 * math.sqrt(3.5 / 6)  # t of 5 degrees of freedom
    assert (found.low, found.high) == pytest.approx((3.5 - margin, 3.5 + margin), abs=1e-6)


def test_about_95_of_100_intervals_hold_the_true_mean():
    draws = np.random.default_rng(7).exponential(1.0, (300, 40))
    found = [bootstrap_t(row, resamples=999) for row in draws]
    held = sum(isinstance(interval, Interval) and interval.low <= 1 <= interval.high for interval in found)
    assert 0.92 <= held / 300 <= 0.98


def test_below_six_tools_there_is_no_interval_but_the_reason():
    expected = NoInterval(3.0, 5, "too few cases to tell: 5 tools, at least 6 are needed")
    assert bootstrap_t([1, 2, 3, 4, 5]) == student_t([1, 2, 3, 4, 5]) == expected
    assert bootstrap_t([]) == NoInterval(None, 0, "too few cases to tell: 0 tools, at least 6 are needed")
    assert student_t([1]) == NoInterval(1.0, 1, "too few cases to tell: 1 tool, at least 6 are needed")


@pytest.mark.parametrize("value", [0.1, 0.0, 1.0, -1.0, 100.0])
@pytest.mark.parametrize("count", [6, 7, 300])
def test_equal_values_are_too_few_cases_to_tell(value, count):
    expected = NoInterval(value, count, f"too few cases to tell: all {count} tools have the same value")
    same = [value] * count
    assert bootstrap_t(same) == student_t(same) == paired_difference([0.0] * count, same) == expected
    assert bootstrap_t(same, limits=(0, 1)) == student_t(same, level=0.99 if count > 7 else 0.95) == expected


def test_gains_that_are_equal_but_for_rounding_are_too_few_cases_to_tell():
    found = paired_difference([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    assert isinstance(found, NoInterval)
    assert found.reason == "too few cases to tell: all 6 tools have the same value"


def test_an_interval_always_has_a_width():
    with pytest.raises(ValueError, match=r"an interval needs a width; got 1\.0 to 1\.0"):
        Interval(1.0, 1.0, 1.0, 7, "bootstrap-t")


def test_students_t_is_used_where_too_many_resamples_consist_of_one_value():
    found = bootstrap_t([1, 1, 1, 1, 1, 0], limits=(0, 1))
    assert isinstance(found, Interval)
    assert found.method == "Student's t"
    assert found.note == "too little spread for the bootstrap-t: Student's t instead"
    assert (found.low, found.high) == pytest.approx((0.405, 1.0), abs=0.001)


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_refused(odd):
    with pytest.raises(ValueError, match="every value must be a finite number"):
        bootstrap_t([1, 2, 3, 4, 5, odd])


def test_arms_of_different_length_are_refused():
    with pytest.raises(ValueError, match="the same tools; got 6 and 7"):
        paired_difference([1] * 6, [1] * 7)


def test_what_both_arms_find_hard_cancels_out():
    a = [0.0, 0.2, 0.4, 0.6, 0.8, 0.9]
    gains = [0.1, 0.12, 0.1, 0.08, 0.1, 0.1]
    found = paired_difference(a, [value + gain for value, gain in zip(a, gains, strict=True)])
    assert isinstance(found, Interval)
    assert found.mean == pytest.approx(0.1)
    assert 0.08 < found.low < found.high < 0.12


@given(values, st.integers(0, 2**31))
def test_the_same_seed_gives_the_same_interval_around_the_mean(data, seed):
    found = bootstrap_t(data, seed, resamples=199)
    assert found == bootstrap_t(data, seed, resamples=199)
    assert isinstance(found, Interval)
    assert found.low <= found.mean + 1e-6
    assert found.mean - 1e-6 <= found.high


@given(values)
def test_swapping_the_arms_turns_the_sign_of_students_difference(data):
    there, back = student_t(data), student_t([-value for value in data])
    assert isinstance(there, Interval)
    assert isinstance(back, Interval)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


@given(st.lists(st.floats(0, 1), min_size=6, max_size=20))
def test_a_share_stays_between_0_and_1(data):
    found = bootstrap_t(data, resamples=199, limits=(0, 1))
    if isinstance(found, NoInterval):
        assert found.reason.startswith("too few cases to tell: all")
        assert max(data) - min(data) < 1e-9
    else:
        assert 0 <= found.low < found.high <= 1


def test_a_wider_interval_needs_more_tools():
    found = bootstrap_t([1, 2, 3, 4, 5, 6], level=0.975)
    assert found == NoInterval(3.5, 6, "too few cases to tell: 6 tools, at least 7 are needed")
    narrow, wide = (bootstrap_t([1, 2, 3, 4, 5, 7, 9], level=level) for level in (0.95, 0.975))
    assert isinstance(narrow, Interval)
    assert isinstance(wide, Interval)
    assert wide.low < narrow.low < narrow.high < wide.high
