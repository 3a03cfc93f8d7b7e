"""Made-up texts for schemas of strangers: right where the pattern is simple, short and quick whatever it is."""

import warnings
from random import Random

import pytest

from ste_graph.plausible_strings import MOST_PARTS, text_for, text_matching
from ste_graph.plausible_values import MOST_ITEMS, plausible_value


@pytest.mark.parametrize(
    "pattern",
    [
        "((((a{1000}){1000}){1000}){1000})",
        "(?:(?:){1000000}){1000000}",
        "a{1000000}",
        "x" * 100_000,
        "(" * 3000 + "a" + ")" * 3000,
        "[[a]b",
        "(?<x>a)",
    ],
)
def test_no_pattern_gives_a_text_without_end_or_a_warning(pattern):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 0 < len(text_matching(pattern, Random(1))) <= MOST_PARTS


def test_no_bound_gives_a_value_without_end():
    assert len(text_for({"minLength": 10**12}, [], Random(1))) < 2 * MOST_PARTS
    assert (
        len(plausible_value({"type": "array", "minItems": 10**9, "items": {"type": "integer"}}, Random(1)))
        == MOST_ITEMS
    )
