"""`unevaluatedProperties`: what is left over after all parts of a schema, patterns among them, within limits."""

import pytest

from ste_graph.tools.arguments import ArgumentChecker

A, B = {"properties": {"a": {"type": "integer"}}}, {"properties": {"b": {"type": "integer"}}, "required": ["b"]}
CLOSED = {"unevaluatedProperties": False}
OLD = {"$schema": "https://json-schema.org/draft/2019-09/schema"}
RECURSIVE = {"properties": {"next": {"$recursiveRef": "#"}}, **CLOSED, **OLD}
TREE = {"$defs": {"T": {"properties": {"t": {"$ref": "#/$defs/T"}}}}, "$ref": "#/$defs/T", **CLOSED}


@pytest.mark.parametrize(
    ("schema", "arguments", "left_over"),
    [
        ({**A, **CLOSED}, {"a": 1}, []),
        ({**A, **CLOSED}, {"a": 1, "c": 2}, ["c"]),
        ({"patternProperties": {"^x-": {}}, **CLOSED}, {"x-a": 1}, []),
        ({**A, "patternProperties": {"^x-": {}}, **CLOSED}, {"a": 1, "x-a": 1, "y-a": 1, "z": 1}, ["y-a", "z"]),
        ({"allOf": [A, {"patternProperties": {"^x-": {}}}], **CLOSED}, {"a": 1, "x-a": 1, "y": 1}, ["y"]),
        ({"anyOf": [A, B], **CLOSED}, {"a": 1}, []),
        ({"anyOf": [A, B], **CLOSED}, {"a": 1, "b": 1}, []),
        ({"oneOf": [B, {"properties": {"c": {}}, "required": ["c"]}], **CLOSED}, {"b": 1, "d": 1}, ["d"]),
        ({"if": B, "then": A, "else": {"properties": {"c": {}}}, **CLOSED}, {"b": 1, "a": 1}, []),
        ({"if": B, "then": A, "else": {"properties": {"c": {}}}, **CLOSED}, {"a": 1, "c": 1}, ["a"]),
        ({"dependentSchemas": {"a": B}, **A, **CLOSED}, {"a": 1, "b": 1}, []),
        ({"$ref": "#/$defs/A", "$defs": {"A": A}, **CLOSED}, {"a": 1, "c": 1}, ["c"]),
        ({"$ref": "#/$defs/A", "$defs": {"A": {**A, "additionalProperties": True}}, **CLOSED}, {"a": 1, "c": 1}, []),
        ({"allOf": [{**A, "unevaluatedProperties": {"type": "integer"}}], **CLOSED}, {"c": 1}, []),
        ({"$ref": "#/$defs/gone", **CLOSED}, {"a": 1}, []),
        ({"$dynamicRef": "#it", "$defs": {"A": {"$dynamicAnchor": "it", **A}}, **CLOSED}, {"a": 1, "c": 1}, ["c"]),
        (RECURSIVE, {"next": {"next": {}}}, []),
        (RECURSIVE, {"next": {"next": {}, "c": 1}}, ["next.c"]),
        (TREE, {"t": {"t": {"u": 1}}}, []),
        (TREE, {"t": {}, "u": 1}, ["u"]),
    ],
    ids=str,
)
def test_names_that_no_part_of_a_schema_describes_are_refused(schema, arguments, left_over):
    problem = ArgumentChecker("t", schema).problem(arguments) or ""
    assert [line.split("`")[1] for line in problem.splitlines()[1:]] == left_over


def test_values_that_are_left_over_may_have_a_schema_of_their_own():
    checker = ArgumentChecker(
        "t", {**A, "patternProperties": {"^x-": {}}, "unevaluatedProperties": {"type": "integer"}}
    )
    assert checker.problem({"a": 1, "x-a": "text", "c": 3}) is None
    assert str(checker.problem({"c": [1]})).splitlines()[1:] == ["- `c`: expected integer; got [1]"]
    assert checker.faults == ()


def test_a_misspelt_name_is_answered_with_the_names_of_all_parts():
    schema = {"allOf": [{"properties": {"city": {}}}], "patternProperties": {"^x-": {}}, **CLOSED}
    assert str(ArgumentChecker("t", schema).problem({"citty": 1})).splitlines()[1:] == [
        "- `citty`: unknown argument; did you mean `city`? allowed: city, and names that match `^x-`"
    ]
