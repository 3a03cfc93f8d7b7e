from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.scoring.bfcl.admissible import admit_only, admits, has_type

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(plain)
def test_the_admissible_form_of_a_value_admits_that_value(value):
    assert admits(admit_only(value), value)


@pytest.mark.parametrize(
    ("admissible", "value", "right"),
    [
        ("San Francisco, CA", "san francisco CA", True),
        ("it's", 'it"s', True),
        ("York", "New York", False),
        (5, 5.0, True),
        (1, True, False),
        (True, 1, False),
        ("5", 5, False),
        ([1, 2], (1, 2), True),
        ([1, 2], [2, 1], False),
        ({"min": [1, 2], "max": ["", 9]}, {"min": 2}, True),
        ({"min": [1, 2], "max": ["", 9]}, {"max": 9}, False),
        ({"min": [1, 2]}, {"min": 1, "more": 1}, False),
        ([{"a": [1]}], [{"a": 1}], True),
    ],
)
def test_what_an_admissible_value_admits(admissible, value, right):
    assert admits(admissible, value) is right


@pytest.mark.parametrize(
    ("value", "kind", "right"),
    [
        (1, "float", True),
        (1.0, "integer", False),
        (True, "integer", False),
        (True, "float", False),
        ((1, 2), "tuple", True),
        ([1, 2], "tuple", True),
        ({}, "dict", True),
        ([], "dict", False),
        ("x", "any", True),
    ],
)
def test_types_are_pythons(value, kind, right):
    assert has_type(value, kind) is right
