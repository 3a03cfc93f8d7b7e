from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.distil.clusters import free_values
from ste_graph.json_values import canonical_json, digest, equal, equality_key
from ste_graph.scoring.case import GoldCall
from ste_graph.scoring.rules import LabelRules
from ste_graph.training.rows.row import TrainingRow

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)

EQUAL = [
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({"a": 2}, {"a": 2.0}),
    ({"a": 0}, {"a": -0.0}),
    ({"a": "Köln"}, {"a": "Ko\u0308ln "}),
    ({"Köln": 1}, {"Ko\u0308ln": 1}),
    ({"a": [{"b": 1, "c": 2}]}, {"a": [{"c": 2, "b": 1}]}),
    ({"a": 10**400}, {"a": 10**400}),
]


@pytest.mark.parametrize(("first", "second"), EQUAL)
def test_the_same_value_is_equal_however_it_is_written(first, second):
    assert equal(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
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
def test_different_values_are_not_equal(first, second):
    assert not equal(first, second)


@given(json_values)
def test_equality_survives_json_and_has_the_same_key_every_time(value):
    assert equal(value, json.loads(json.dumps(value)))
    assert equality_key(value) == equality_key(json.loads(json.dumps(value)))


@given(json_values, json_values)
def test_the_hash_is_the_same_for_the_same_data_and_only_for_that(first, second):
    assert (digest(first) == digest(second)) == (canonical_json(first) == canonical_json(second))
    assert digest(first) == digest(json.loads(json.dumps(first)))


def test_the_order_of_keys_does_not_change_the_hash_but_a_number_written_otherwise_does():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest(2) != digest(2.0)
    assert (len(digest("\ud800")), len(digest(1, length=64))) == (32, 64)


@pytest.mark.parametrize(("first", "second"), EQUAL)
def test_a_value_that_is_equal_in_scoring_is_not_new_in_training_or_in_a_split(first, second):
    def row(arguments: object) -> TrainingRow:
        return TrainingRow(prompt="x", completion=f"Action: a\nAction Input: {json.dumps(arguments)}")

    assert LabelRules().compare(GoldCall(tool="a", arguments=first), second)
    assert row(first).value_keys == row(second).value_keys
    assert free_values(first, {}) == free_values(second, {})
    assert not row(second).is_unseen(row(first).value_keys)
