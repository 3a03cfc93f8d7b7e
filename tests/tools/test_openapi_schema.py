import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ste_graph.tools.openapi.document import Documents, UnusableError
from ste_graph.tools.openapi.schema import LARGEST, Schemas


def closed(schema, **named):
    schemas = Schemas(Documents("file:///spec.json", {"file:///spec.json": {"components": {"schemas": named}}}))
    return schemas.close(schemas.convert(schema, "file:///spec.json"))


def to(name):
    return {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize(
    ("openapi", "expected"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        (
            {"type": "string", "nullable": True, "enum": ["a"], "description": "One."},
            {"type": ["string", "null"], "enum": ["a", None], "description": "One."},
        ),
        ({"allOf": [to("Id")], "nullable": True}, {"anyOf": [{"allOf": [{"type": "integer"}]}, {"type": "null"}]}),
        ({"type": "string", "x-nullable": True}, {"type": ["string", "null"]}),
        ({"type": ["string", "null"], "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "integer", "minimum": 0, "exclusiveMinimum": True}, {"type": "integer", "exclusiveMinimum": 0}),
        ({"type": "integer", "maximum": 9, "exclusiveMaximum": False}, {"type": "integer", "maximum": 9}),
        ({"type": "integer", "exclusiveMaximum": 9}, {"type": "integer", "exclusiveMaximum": 9}),
        ({"type": "string", "example": "x"}, {"type": "string", "examples": ["x"]}),
        ({"type": "file"}, {"type": "string", "contentMediaType": "application/octet-stream"}),
        ({"properties": {"title": {}}, "title": "T"}, {"properties": {"title": {}}, "type": "object"}),
        (
            {"type": "object", "xml": {}, "discriminator": {}, "x-ours": 1, "$id": "a", "$anchor": "b"},
            {"type": "object"},
        ),
        ({**to("Id"), "description": "Which."}, {"type": "integer", "description": "Which."}),
        ({**to("Id"), "minimum": 3}, {"allOf": [{"type": "integer"}], "minimum": 3}),
        (True, True),
    ],
)
def test_keywords_of_openapi_become_those_of_json_schema(openapi, expected):
    assert closed({"type": "array", "items": openapi}, Id={"type": "integer"})["items"] == expected


def test_read_only_properties_are_left_out_also_behind_a_reference():
    pet = {
        "type": "object",
        "properties": {"id": {"type": "integer", "readOnly": True}, "at": to("Stamp"), "name": {"type": "string"}},
        "required": ["id", "at", "name"],
    }
    assert closed(to("Pet"), Pet=pet, Stamp={"type": "string", "readOnly": True}) == {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
    }


def test_recursive_schemas_stay_references_and_all_others_are_inlined():
    node = {"type": "object", "properties": {"next": to("Node"), "size": to("Size")}}
    schema = closed({"type": "object", "properties": {"head": to("Node")}}, Node=node, Size={"type": "integer"})
    assert schema == {
        "type": "object",
        "properties": {"head": {"$ref": "#/$defs/Node"}},
        "$defs": {
            "Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "size": {"type": "integer"}}}
        },
    }
    check = Draft202012Validator(schema)
    assert check.is_valid({"head": {"next": {"next": {"size": 1}}}})
    assert not check.is_valid({"head": {"next": {"next": {"size": "1"}}}})


def test_a_property_with_the_name_of_a_keyword_is_a_property():
    schema = {"type": "object", "properties": {"$ref": {"type": "string"}, "properties": {"type": "integer"}}}
    assert closed(schema) == schema


def test_schemas_that_multiply_are_not_inlined():
    levels = {f"L{n}": {"type": "object", "properties": {k: to(f"L{n + 1}") for k in "ab"}} for n in range(40)}
    schema = closed({"type": "object", "properties": {"x": to("L0")}}, **levels, L40={"type": "integer"})
    assert len(json.dumps(schema)) < LARGEST
    assert len(schema["$defs"]) == 41
    assert Draft202012Validator(schema).is_valid({"x": {"a": {"b": {}}}})


def test_of_an_endless_chain_only_the_nearest_links_are_described():
    links = {f"N{n}": {"type": "object", "properties": {"next": to(f"N{n + 1}")}} for n in range(3000)}
    schema = closed(to("N0"), **links, N3000={"type": "null"})
    assert LARGEST / 2 < len(json.dumps(schema)) < LARGEST * 1.2
    *_, nearly, last = schema["$defs"]
    assert schema["$defs"][nearly] == {"type": "object", "properties": {"next": {"$ref": f"#/$defs/{last}"}}}
    assert schema["$defs"][last] == {"description": f"{last}, not described further."}


def test_null_in_the_place_of_a_schema_says_nothing():
    parts = {"a": None, "b": {"type": "integer"}}
    assert closed({"type": "object", "properties": parts, "items": None, "allOf": [None]}) == {
        "type": "object",
        "properties": {"a": {}, "b": {"type": "integer"}},
        "allOf": [{}],
    }


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({"A": to("B")}, "`$ref: #/components/schemas/B` leads nowhere"),
        (
            {"A": {"type": "array", "items": to("B")}, "B": {"oneOf": [{"$ref": "#/no/C"}]}},
            "`$ref: #/no/C` leads nowhere",
        ),
        ({"A": to("B"), "B": to("A")}, "the schema `A` is nothing but a reference to itself"),
        ({"A": {"items": 3, "allOf": [3]}}, "expected a schema at `allOf.0`, got a number"),
        ({"A": {"properties": {"$ref": "x.json#/y"}}}, "expected a schema at `properties.$ref`, got text"),
        (
            {"A": {"items": {"anyOf": [{}, {"not": {}, "properties": {"b": []}}]}}},
            "expected a schema at `items.anyOf.1.properties.b`, got a list",
        ),
        ({"A": 5}, "expected a schema, got a number"),
        ({"A": {"$ref": "other.json#/B"}}, "`$ref: other.json#/B` leads nowhere"),
        ({"A": {"$ref": "#no-such-anchor"}}, "`$ref: #no-such-anchor` leads nowhere"),
        ({"A": {"$ref": "#/components/schemas/A/$ref/x"}}, "`$ref: #/components/schemas/A/$ref/x` leads nowhere"),
        ({"A": {"$ref": "http://[bad"}}, "`$ref: http://[bad` leads nowhere"),
    ],
)
def test_a_broken_schema_is_reported(named, says):
    with pytest.raises(UnusableError) as caught:
        closed(to("A"), **named)
    assert str(caught.value) == says


def test_a_schema_that_contains_itself_by_a_yaml_alias_is_refused():
    loop = {"type": "object", "properties": {}}
    loop["properties"]["again"] = loop
    with pytest.raises(UnusableError, match="too large, or holds itself"):
        closed(loop)


NAMES = ["A", "B", "C", "D"]
SCHEMAS = st.recursive(
    st.one_of(
        st.sampled_from([{"type": "string"}, {"type": "integer", "minimum": 1}, {"enum": ["x", 1]}, {}]),
        st.sampled_from([{"type": "array", "items": to(name)} for name in NAMES]),
        st.sampled_from([to(name) for name in NAMES[1:]]),
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from("xyz"), inner)}
        ),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=2)}),
    ),
    max_leaves=6,
)
VALUES = st.recursive(
    st.one_of(st.none(), st.integers(0, 3), st.sampled_from(["x", "y"])),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("xyz"), inner, max_size=2)),
    max_leaves=6,
)


@given(st.lists(SCHEMAS, min_size=4, max_size=4), st.lists(VALUES, max_size=4))
def test_closing_a_schema_does_not_change_what_it_accepts(four, values):
    named = dict(zip(NAMES, four, strict=True))
    root = {"type": "object", "properties": {"x": to("A"), "y": to("B")}}
    try:
        ours = Draft202012Validator(closed(root, **named))
        theirs = Draft202012Validator({**root, "components": {"schemas": named}})
        for value in values:
            assert ours.is_valid({"x": value}) == theirs.is_valid({"x": value})
    except (UnusableError, RecursionError):
        return  # a circle of references around nothing, directly or through `anyOf`
