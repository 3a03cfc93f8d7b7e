from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.tools.arguments import ArgumentChecker, CheckedArguments


def taken(schema: dict[str, Any], **arguments: Any) -> CheckedArguments:
    return ArgumentChecker("look", {"type": "object", "properties": schema}).check(arguments)


@pytest.mark.parametrize(
    ("schema", "given_value", "became"),
    [
        ({"type": "integer"}, "90", 90),
        ({"type": "integer"}, " -3 ", -3),
        ({"type": "integer", "minimum": 1}, "1", 1),
        ({"type": ["integer", "null"]}, "7", 7),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "7", 7),
        ({"type": "number"}, "1.5", 1.5),
        ({"type": "number"}, "2", 2),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "False", False),
        ({"type": "string"}, 5, "5"),
        ({"type": "string", "enum": ["1", "2"]}, 2, "2"),
        ({"type": "array"}, ' ["a", "b"]\n', ["a", "b"]),
        ({"type": "array", "items": {"type": "integer"}}, '["1", 2]', [1, 2]),
        ({"type": "object", "properties": {"n": {"type": "integer"}}}, '{"n": 1, "note": "x"}', {"n": 1, "note": "x"}),
        ({"type": ["object", "null"]}, "{}", {}),
    ],
)
def test_a_value_with_one_meaning_is_coerced_and_named(schema, given_value, became):
    result = taken({"days": schema}, days=given_value)
    assert result.arguments == {"days": became}
    assert result.problem is None
    assert result.coerced[0] == "days"
    assert type(result.arguments["days"]) is type(became)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, "ninety"),
        ({"type": "integer"}, "1.0"),
        ({"type": "integer"}, "٣"),
        ({"type": "integer"}, 1.5),
        ({"type": "integer"}, True),
        ({"type": "number"}, "nan"),
        ({"type": "number"}, "1e999"),
        ({"type": "boolean"}, "yes"),
        ({"type": "boolean"}, 1),
        ({"type": "string"}, 1.5),
        ({"type": "string"}, True),
        ({"type": "array"}, "a"),
        ({"type": "array"}, "{}"),
        ({"type": "array"}, "[1"),
        ({"type": "array"}, "['a']"),
        ({"type": "array"}, "[NaN]"),
        ({"type": "array"}, "[" * 100_000),
        ({"type": "array", "items": {"type": "integer"}}, '["a"]'),
        ({"type": "object"}, "[]"),
        ({"type": "object"}, "{a: 1}"),
        ({"type": ["array", "object"]}, "[]"),
        ({"type": ["integer", "boolean"]}, "1"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "1"),
        ({"anyOf": [{"type": "integer"}, {"enum": ["a"]}]}, "1"),
        ({"type": "integer", "maximum": 10}, "90"),
    ],
)
def test_a_value_with_several_meanings_is_a_problem(schema, value):
    result = taken({"days": schema}, days=value)
    assert result.problem is not None
    assert result.problem.startswith("Invalid arguments for `look`:\n- `days")


def test_null_for_what_may_be_left_out_is_left_out():
    schema = {"limit": {"type": "integer"}, "name": {"type": "string", "default": None}, "kind": {"enum": ["a"]}}
    result = taken(schema | {"note": {}, "maybe": {"type": ["string", "null"]}}, limit=None, name=None, kind=None)
    assert result == CheckedArguments({}, ("kind", "limit", "name"))
    inside = taken({"place": {"type": "object", "properties": schema}}, place={"limit": None, "name": "Ulm"})
    assert inside == CheckedArguments({"place": {"name": "Ulm"}}, ("place.limit",))
    kept = taken({"note": {}, "maybe": {"type": ["string", "null"]}}, note=None, maybe=None)
    assert kept == CheckedArguments({"note": None, "maybe": None})


@pytest.mark.parametrize(
    "rule",
    [
        {"required": ["limit"]},
        {"dependentRequired": {"q": ["limit"]}},
        {"anyOf": [{"required": ["limit"]}, {"required": ["offset"]}]},
        {"minProperties": 2},
    ],
)
def test_null_for_what_must_be_there_is_a_problem_of_its_type(rule):
    schema = {"properties": {"limit": {"type": "integer"}, "q": {"type": "string"}}} | rule
    assert ArgumentChecker("look", schema).problem({"q": "x", "limit": None}) == (
        "Invalid arguments for `look`:\n- `limit`: expected integer; got null"
    )


def test_null_among_items_is_a_problem():
    assert "`days[1]`: expected integer; got null" in str(
        taken({"days": {"type": "array", "items": {"type": "integer"}}}, days=[1, None]).problem
    )


def test_a_valid_value_is_never_changed():
    assert taken({"note": {"type": ["string", "integer"]}}, note="90") == CheckedArguments({"note": "90"})
    assert taken({"note": {}}, note="90") == CheckedArguments({"note": "90"})


def test_nested_values_are_coerced_in_a_copy_and_other_faults_remain():
    item = {"type": "object", "properties": {"height": {"type": "number"}}}
    schema = {"type": "object", "properties": {"places": {"type": "array", "items": item}, "n": {"type": "integer"}}}
    arguments = {"places": [{"height": 1}, {"height": "2.5"}], "n": "x"}
    assert ArgumentChecker("look", schema).check(arguments).problem == (
        'Invalid arguments for `look`:\n- `n`: expected integer; got "x"'
    )
    right = ArgumentChecker("look", schema).check(arguments | {"n": "1"})
    assert right == CheckedArguments({"places": [{"height": 1}, {"height": 2.5}], "n": 1}, ("n", "places[1].height"))
    assert arguments["places"][1] == {"height": "2.5"}


@given(st.integers(min_value=-(10**29), max_value=10**29))
def test_every_integer_survives_being_written_as_text(number):
    assert taken({"n": {"type": "integer"}}, n=str(number)).arguments == {"n": number}
    assert taken({"n": {"type": "string"}}, n=number).arguments == {"n": str(number)}
