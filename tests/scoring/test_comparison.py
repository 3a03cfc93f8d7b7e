from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.scoring.comparison import JUDGED, Rules, canonical, equal, same_text

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": 2}, {"a": 2.0}),
        ({"a": 0}, {"a": -0.0}),
        ({"a": "Köln"}, {"a": "Ko\u0308ln "}),
        ({"a": [{"b": 1, "c": 2}]}, {"a": [{"c": 2, "b": 1}]}),
        ({"a": 10**400}, {"a": 10**400}),
    ],
)
def test_the_same_value_is_equal_however_it_is_written(one, other):
    assert equal(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {}),
        ({"a": "x"}, {"a": "X"}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": 1}, {"a": {"number": "1"}}),
        ({"a": 2**53}, {"a": 2**53 + 1}),
    ],
)
def test_different_values_are_not_equal(one, other):
    assert not equal(one, other)


@given(plain)
def test_equality_survives_json_and_is_the_same_text_every_time(value):
    assert equal(value, json.loads(json.dumps(value)))
    assert canonical(value) == canonical(json.loads(json.dumps(value)))


@given(st.dictionaries(st.text(), plain, max_size=4), st.dictionaries(st.text(), plain, max_size=4))
def test_the_gold_arguments_match_as_text_whatever_else_is_given(gold, more):
    assert same_text(gold, {**more, **gold})


def test_text_is_matched_as_the_paper_does():
    gold = {"city": "Tokyo", "days": 3}
    assert same_text(gold, {"days": "3", "city": " TOKYO ", "colour": "red"})
    assert not same_text(gold, {"city": "Tokyo"})
    assert not same_text(gold, {"city": "Tōkyō", "days": 3})


def test_rules_decide_what_they_can_and_leave_the_rest_to_a_judge():
    rules = Rules()
    assert len(JUDGED) == 19
    assert rules.decide("search", {"q": "a"}, {"q": "a "}) is True
    assert rules.decide("search", {"q": "a"}, {"q": "A"}) is None
    assert rules.decide("add_date", {"q": "a"}, {"q": "A"}) is True
    assert rules.decide("add_date", {"q": "a"}, {"q": "b"}) is False
    assert Rules(frozenset()).decide("search", {"q": "a"}, {"q": "b"}) is False


def test_arguments_nested_beyond_reason_are_wrong():
    deep: object = 1
    for _ in range(5000):
        deep = [deep]
    assert Rules().decide("search", {"q": 1}, {"q": deep}) is False
