import copy
from typing import Any

import pytest

from ste_graph.forms.description import ToolWording, apply_wording, proposal_schema, read_proposal, read_tool_wording

TOOL: dict[str, Any] = {
    "name": "fly",
    "description": "Flights.",
    "fingerprint": "f",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Where."}, "seats": {"type": "integer", "default": 1}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


def without_descriptions(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_descriptions(inner) for key, inner in value.items() if key != "description"}
    return value


def test_a_wording_changes_descriptions_and_nothing_else() -> None:
    before = copy.deepcopy(TOOL)
    changed = apply_wording(TOOL, ToolWording(description="Book flights.", parameters={"seats": "A number."}))
    assert changed["description"] == "Book flights."
    properties = changed["parameters"]["properties"]
    assert properties["seats"] == {"type": "integer", "default": 1, "description": "A number."}
    assert properties["city"] == TOOL["parameters"]["properties"]["city"]
    assert without_descriptions(changed) == without_descriptions(TOOL)
    assert before == TOOL


def test_a_parameter_that_the_tool_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="the tool `fly` has no parameter `town`"):
        apply_wording(TOOL, ToolWording(description="Book.", parameters={"town": "Where."}))


@pytest.mark.parametrize(
    ("data", "wording"),
    [
        ({"description": " Book\nflights. ", "parameters": {"seats": "A number."}}, ("Book flights.", "A number.")),
        ({"description": "Book flights."}, ("Book flights.", None)),
        ({"parameters": {"seats": "A number.", "city": " "}}, ("Flights.", "A number.")),
        ({"description": "Book; it flies; it flies; it fl", "parameters": {}}, ("Book; it flies.", None)),
        ({"description": "It flies. It lands. It flies."}, ("It flies. It lands.", None)),
    ],
)
def test_a_proposal_leaves_as_it_was_what_it_does_not_say(data: Any, wording: tuple[str, str | None]) -> None:
    found = read_proposal(data, TOOL)
    assert found is not None
    assert (found.description, found.parameters.get("seats"), found.parameters["city"]) == (*wording, "Where.")


@pytest.mark.parametrize("data", [None, [], "Book.", {}, {"description": 3}])
def test_a_reply_without_a_description_is_no_proposal(data: Any) -> None:
    assert read_proposal(data, TOOL) is None


def test_the_schema_of_a_proposal_asks_for_every_parameter_and_no_other() -> None:
    parameters = proposal_schema(TOOL)["properties"]["parameters"]
    assert (parameters["required"], parameters["additionalProperties"]) == (["city", "seats"], False)
    assert read_tool_wording(TOOL) == ToolWording(description="Flights.", parameters={"city": "Where."})
