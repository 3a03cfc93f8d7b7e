from dataclasses import replace

from ste_graph.tools.fingerprint import describe_tool, fingerprint
from ste_graph.tools.python.function import FunctionTool


def look(where: str, how: int = 3) -> None:
    """Look somewhere."""


TOOL = FunctionTool.of("look", look, "read")


def test_the_item_of_a_unit_is_the_definition_and_its_fingerprint():
    assert describe_tool(TOOL) == {
        "name": "look",
        "description": "Look somewhere.",
        "parameters": {
            "additionalProperties": False,
            "properties": {"where": {"type": "string"}, "how": {"type": "integer", "default": 3}},
            "required": ["where"],
            "type": "object",
        },
        "effect": "read",
        "fingerprint": "f257faa309bb088c",
    }


def test_whatever_a_model_or_a_policy_sees_changes_the_fingerprint_but_the_order_of_keys_does_not():
    changed = [
        replace(TOOL, name="see"),
        replace(TOOL, description="Look."),
        replace(TOOL, parameters={}),
        replace(TOOL, effect="write"),
    ]
    assert len({fingerprint(tool) for tool in [TOOL, *changed]}) == 5
    assert fingerprint(replace(TOOL, parameters=dict(reversed(TOOL.parameters.items())))) == fingerprint(TOOL)
