from jsonschema import Draft202012Validator

from ste_graph.protocols.call_schema import call_schema

POINT = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}
TOOLS = {
    "draw": {"properties": {"at": {"$ref": "#/$defs/Point"}}, "required": ["at"], "$defs": {"Point": POINT}},
    "erase": {"properties": {"at": {"type": "array", "items": {"$ref": "#/definitions/Point"}}}, "definitions": {
        "Point": {"type": "string"}}},
}  # fmt: skip


def accepts(schema: dict, value: object) -> bool:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema).is_valid(value)


def test_a_reply_is_a_call_of_one_of_the_tools_or_an_answer() -> None:
    schema = call_schema(TOOLS)
    assert accepts(schema, {"action": "draw", "arguments": {"at": {"x": 1}}})
    assert accepts(schema, {"action": "erase", "arguments": {"at": ["a"]}})
    assert accepts(schema, {"final_answer": "Done."})
    assert not accepts(schema, {"action": "draw", "arguments": {"at": ["a"]}})
    assert not accepts(schema, {"action": "fly", "arguments": {}})
    assert not accepts(schema, {"action": "draw", "arguments": {"at": {"x": 1}}, "more": 1})


def test_an_answer_can_be_left_out() -> None:
    assert not accepts(call_schema(TOOLS, answer=False), {"final_answer": "Done."})
    single = call_schema({"draw": TOOLS["draw"]}, answer=False)
    assert "anyOf" not in single
    assert accepts(single, {"action": "draw", "arguments": {"at": {"x": 1}}})
