"""McNemar's mid-p."""

import pytest

from ste_graph.stats import mcnemar_mid_p


def test_it_is_the_value_of_the_published_example():
    # Fagerland, Lydersen and Laake (2013): 1 against 7 discordant pairs give a mid-p of 0.039.
    assert mcnemar_mid_p(1, 7) == pytest.approx(0.0391, abs=5e-5)
    assert mcnemar_mid_p(7, 1) == mcnemar_mid_p(1, 7)


def test_it_is_half_the_point_probability_less_than_the_exact_value():
    from scipy.stats import binom, binomtest

    for won, lost in [(0, 5), (3, 12), (20, 45), (400, 300)]:
        n = won + lost
        exact = binomtest(won, n).pvalue
        assert mcnemar_mid_p(won, lost) == pytest.approx(exact - binom.pmf(min(won, lost), n, 0.5))


def test_without_a_difference_it_is_one():
    assert (mcnemar_mid_p(0, 0), mcnemar_mid_p(4, 4)) == (1.0, 1.0)


def test_a_negative_count_is_refused():
    with pytest.raises(ValueError, match="not negative"):
        mcnemar_mid_p(-1, 3)
