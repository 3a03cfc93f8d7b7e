"""Values at random for the numbers, days and choices of a tool."""

from typing import Any

import pytest

from ste_graph.nodes.suggest import Suggest
from ste_graph.tools.arguments import ArgumentChecker

PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "examples": ["Oslo"]},
        "day": {"type": "string", "format": "date"},
        "days": {"type": "integer", "minimum": 1, "maximum": 40, "examples": [7], "default": 7},
        "unit": {"enum": ["C", "F", "K"]},
        "hourly": {"type": "boolean"},
        "share": {"$ref": "#/$defs/Share"},
        "places": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["city", "day", "days", "share"],
    "$defs": {"Share": {"type": "number", "minimum": 0, "maximum": 1}},
}
TOOL = {"name": "weather", "parameters": PARAMETERS}


async def draw(context: Any, seed: int, unused: list[str] | None = None, tool: dict[str, Any] = TOOL) -> dict[str, Any]:
    ctx = context()
    ctx.seed = seed
    return (await Suggest()(Suggest.Inputs(tool=tool, unused=unused), ctx)).values


async def test_values_fit_the_schema_and_are_the_same_for_the_same_step(context) -> None:
    for seed in range(40):
        drawn = await draw(context, seed)
        assert {"day", "days", "share"} <= set(drawn) <= {"day", "days", "share", "unit", "hourly"}
        assert ArgumentChecker("weather", PARAMETERS).check({"city": "Rome", **drawn}).problem is None
        assert drawn == await draw(context, seed)


async def test_values_differ_from_step_to_step_and_leave_the_examples(context) -> None:
    drawn = [await draw(context, seed) for seed in range(40)]
    assert len({values["days"] for values in drawn}) > 15
    assert len({values["day"] for values in drawn}) > 30
    assert {len(values) for values in drawn} == {3, 4, 5}


@pytest.mark.parametrize("seed", range(8))
async def test_what_no_call_has_had_is_drawn_for_sure(context, seed: int) -> None:
    drawn = await draw(context, seed, ["hourly", 'unit="K"'])
    assert drawn["unit"] == "K"
    assert "hourly" in drawn


@pytest.mark.parametrize(
    "parameters", [{"type": "object"}, {"type": "object", "properties": {"q": {"type": "string"}}}]
)
async def test_texts_are_left_to_the_model(context, parameters: dict[str, Any]) -> None:
    assert await draw(context, 0, tool={"name": "ask", "parameters": parameters}) == {}


async def test_of_values_that_exist_one_is_drawn_instead_of_a_number_at_random(context) -> None:
    parameters = {"properties": {"order_id": {"type": "integer"}, "sku": {"type": "string"}}, "required": ["order_id"]}
    known = {"order_id": [61154, 93854], "sku": ["LA-204-WH"]}
    drawn = []
    for seed in range(20):
        ctx = context()
        ctx.seed = seed
        inputs = Suggest.Inputs(tool={"name": "find", "parameters": parameters}, known=known)
        drawn.append((await Suggest()(inputs, ctx)).values)
    assert {values["order_id"] for values in drawn} == {61154, 93854}
    assert {values.get("sku") for values in drawn} == {None, "LA-204-WH"}
