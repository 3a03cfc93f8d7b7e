import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.tools.arguments import ArgumentChecker

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["date", "days"],
    "properties": {
        "date": {"type": "string", "format": "date", "examples": ["2024-02-28"]},
        "days": {"type": "integer", "minimum": 1},
        "how": {"enum": ["fast", "slow"]},
        "when": {"type": "string", "format": "date-time"},
        "at": {"type": "string", "format": "time"},
        "code": {"type": "string", "pattern": "^[A-Z]+$", "maxLength": 3},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "places": {"type": "array", "items": {"$ref": "#/$defs/Place"}},
        "shape": {"anyOf": [{"$ref": "#/$defs/Place"}, {"type": "null"}]},
    },
    "$defs": {
        "Place": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "heights": {"type": "array", "items": {"type": "number"}}},
            "required": ["name"],
            "additionalProperties": False,
        }
    },
}
RIGHT = {"date": "2024-02-29", "days": 3}


def lines(arguments, schema=SCHEMA):
    first, *rest = ArgumentChecker("add_days", schema).problem(arguments).splitlines()
    assert first == "Invalid arguments for `add_days`:"
    return rest


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"days": 3.0},
        {"when": "2024-02-29T10:00:00Z", "at": "10:30"},
        {"note": None, "shape": {"name": "Ulm"}, "places": [{"name": "Ulm", "heights": [1, 2.5]}]},
    ],
)
def test_right_arguments_have_no_problem(more):
    assert ArgumentChecker("add_days", SCHEMA).problem(RIGHT | more) is None


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"days": "ninety"}, '- `days`: expected integer; got "ninety"'),
        ({"days": 0}, "- `days`: expected at least 1; got 0"),
        ({"days": True}, "- `days`: expected integer; got true"),
        (
            {"date": "2024-02-30"},
            '- `date`: expected string (date, YYYY-MM-DD), such as "2024-02-28"; got "2024-02-30"',
        ),
        ({"date": "20240228"}, '- `date`: expected string (date, YYYY-MM-DD), such as "2024-02-28"; got "20240228"'),
        ({"when": "2024-02-28"}, '- `when`: expected string (date-time, YYYY-MM-DDTHH:MM:SS); got "2024-02-28"'),
        ({"at": "noon"}, '- `at`: expected string (time, HH:MM:SS); got "noon"'),
        ({"how": "fats"}, '- `how`: expected one of "fast", "slow"; got "fats"'),
        ({"code": "abc"}, '- `code`: expected text that matches the pattern ^[A-Z]+$; got "abc"'),
        ({"code": "ABCD"}, '- `code`: expected at most 3 characters; got "ABCD"'),
        ({"note": 1.5}, "- `note`: expected string or null; got 1.5"),
        ({"places": [{"name": "Ulm"}, {"name": []}]}, "- `places[1].name`: expected string; got []"),
        ({"places": [{"heights": []}]}, "- `places[0].name`: required, but missing; expected string"),
        ({"shape": {"name": 3}}, "- `shape.name`: expected string; got 3"),
        ({"shape": 3}, "- `shape`: expected Place or null; got 3"),
        (
            {"dates": 1},
            "- `dates`: unknown argument; did you mean `date`? "
            "allowed: at, code, date, days, how, note, places, shape, when",
        ),
    ],
)
def test_a_wrong_argument_is_named_with_what_was_expected(wrong, line):
    assert lines(RIGHT | wrong) == [line]


def test_the_faults_inside_the_option_that_was_meant_are_reported():
    assert lines(RIGHT | {"shape": {"nam": "Ulm"}}) == [
        "- `shape.name`: required, but missing; expected string",
        "- `shape.nam`: unknown argument; did you mean `name`? allowed: heights, name",
    ]


def test_all_faults_are_reported_at_once_with_missing_arguments():
    assert lines({"how": 1}) == [
        '- `date`: required, but missing; expected string (date, YYYY-MM-DD), such as "2024-02-28"',
        "- `days`: required, but missing; expected integer",
        '- `how`: expected one of "fast", "slow"; got 1',
    ]
    assert lines({f"x{i}": 1 for i in range(20)}, {"type": "object", "additionalProperties": False})[9:] == [
        "- `x17`: unknown argument; it takes no arguments",
        "- and 10 more",
    ]


@pytest.mark.parametrize(("value", "shown"), [(None, "null"), ([1], "[1]"), ("x", '"x"')])
def test_arguments_that_are_not_an_object_are_refused(value, shown):
    assert lines(value) == [f"- the arguments must be one JSON object; got {shown}"]


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        (
            {"type": "objekt"},
            "the schema of `t` is not valid JSON Schema: 'objekt' is not valid under any of the given schemas",
        ),
        (
            {"properties": {"a": {"$ref": "#/$defs/Gone"}}},
            "the schema of `t` cannot be used: _WrappedReferencingError: PointerToNowhere: '/$defs/Gone' does not",
        ),
        (
            {"properties": {"a": {"$ref": "http://localhost:9/x.json"}}},
            "the schema of `t` cannot be used: _WrappedReferencingError: Unresolvable: http://localhost:9/x.json",
        ),
    ],
)
def test_an_invalid_schema_is_reported_once_and_lets_the_call_through(schema, fault):
    arguments = ArgumentChecker("t", schema)
    assert arguments.problem({"a": "b"}) is None
    assert arguments.problem({"a": "b"}) is None
    assert arguments.fault.startswith(fault)


def test_a_pattern_that_python_cannot_read_lets_its_value_pass_and_the_rest_is_checked():
    schema = {"properties": {"a": {"pattern": "(?<x>a)"}, "b": {"type": "string"}}}
    assert lines({"a": "b", "b": 1.5}, schema) == ["- `b`: expected string; got 1.5"]


def test_arguments_nested_without_end_are_refused():
    nested: dict = {}
    for _ in range(3000):
        nested = {"a": nested}
    schema = {"$ref": "#/$defs/T", "$defs": {"T": {"additionalProperties": {"$ref": "#/$defs/T"}}}}
    assert lines(nested, schema) == ["- the arguments are nested too deeply"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_arguments_give_a_text_or_none(arguments):
    problem = CHECKED.problem(arguments)
    assert problem is None or problem.startswith("Invalid arguments for `add_days`:\n- ")


CHECKED = ArgumentChecker("add_days", SCHEMA)
