"""BFCL's rules for the values of a call, case by case; `tests/bench/bench_bfcl.py` compares them with its checker."""

from __future__ import annotations

import pytest

from ste_graph.scoring.bfcl.admissible import AdmissibleCall


def is_right(schema, options, value) -> bool:
    call = AdmissibleCall("f", {"properties": {"x": schema}, "required": ["x"]}, {"x": options})
    return call.find_problem({"x": value}) is None


@pytest.mark.parametrize(
    ("kind", "options", "value", "right"),
    [
        ("string", ["San Francisco, CA"], "san francisco CA", True),
        ("string", ["it's"], 'it"s', True),
        ("string", ["York"], "New York", False),
        ("string", ["5"], 5, False),
        ("integer", [5], 5.0, False),
        ("integer", [1], True, False),
        ("integer", [5], "5", False),
        ("float", [5], 5, True),
        ("float", [5.0], 5, True),
        ("float", [1.0], True, False),
        ("boolean", [True], 1, False),
        ("boolean", [True], True, True),
        ("any", ["x"], "X", True),
        ("any", [5], 5, True),
        ("any", ["x"], 5, False),
        ("dict", [{}], [], False),
        # a variable stands where a value of another type is expected, and is written in one way
        ("integer", ["count"], "count", True),
        ("integer", ["count"], "Count", False),
        # what may be left out may also be empty
        ("string", ["x", ""], "", True),
        ("integer", [5, ""], "", False),
    ],
)
def test_values_of_one_type(kind, options, value, right):
    assert is_right({"type": kind}, options, value) is right


@pytest.mark.parametrize(
    ("items", "options", "value", "right"),
    [
        ("integer", [[1, 2]], [1, 2], True),
        ("integer", [[1, 2]], [2, 1], False),
        ("integer", [[1, 2], [2, 1]], [2, 1], True),
        ("float", [[1.0, 2.5]], [1, 2.5], False),
        ("float", [[1, 2.5]], [1, 2.5], True),
        ("string", [["New York"]], ["new york"], True),
        ("string", [["a"], ""], [], True),
        ("string", [["a"]], [], False),
        ("array", [[["A"]]], [["A"]], True),
        ("array", [[["A"]]], [["a"]], False),
        ("dict", [[{"a": [1, 2]}]], [{"a": 2}], True),
        ("dict", [[{"a": [1]}]], [{"a": 1}, {"a": 1}], False),
        ("dict", [[{"a": [1]}], ""], [], True),
    ],
)
@pytest.mark.parametrize("kind", ["array", "tuple"])
def test_lists(kind, items, options, value, right):
    assert is_right({"type": kind, "items": {"type": items}}, options, value) is right


@pytest.mark.parametrize(
    ("option", "value", "right"),
    [
        ({"min": [1, 2], "max": ["", 9]}, {"min": 2}, True),
        ({"min": [1, 2], "max": ["", 9]}, {"max": 9}, False),
        ({"min": [1]}, {"min": 1, "more": 1}, False),
        ({"city": ["New York"]}, {"city": "new york"}, True),
        ({"at": [{"x": 1, "y": 2}]}, {"at": {"y": 2, "x": 1}}, True),
        ({"at": [{"x": 1, "y": 2}]}, {"at": {"x": 1}}, False),
        ({"flag": [1]}, {"flag": True}, True),
        ("", {}, False),
    ],
)
def test_objects(option, value, right):
    assert is_right({"type": "dict"}, [option], value) is right
