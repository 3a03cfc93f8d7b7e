from typing import Any

import pytest

from ste_graph.contracts import Reply
from ste_graph.errors import ModelError
from ste_graph.nodes.chat import Chat
from ste_graph.prompts.prompt import Prompt

OUTPUTS = {"score": "int", "reason": "maybe str", "tags": ["str"]}


async def ask(ctx: Any, model: Any, outputs: dict[str, Any]) -> dict[str, Any]:
    return (await Chat(model=model, prompt=Prompt("Judge."), outputs=outputs)(Chat.Inputs(), ctx)).model_dump()


async def test_chat_takes_structured_output_where_the_model_has_it(context, model) -> None:
    ctx = context(Reply(text="…", data={"score": 3, "reason": None, "tags": ["a"], "mood": "good"}))
    assert await ask(ctx, model, OUTPUTS) == {"score": 3, "reason": None, "tags": ["a"]}
    assert ctx.asked[0]["schema"]["properties"].keys() == OUTPUTS.keys()
    assert ctx.asked[0]["schema"]["required"] == ["score", "reason", "tags"]
    assert ctx.asked[0]["schema"]["additionalProperties"] is False


async def test_chat_reads_the_first_object_of_a_text_as_tolerantly_as_a_call(context, model) -> None:
    ctx = context("Here you are:\n```json\n{'score': '3', 'tags': [],}\n```\nAnything else?")
    assert await ask(ctx, model, OUTPUTS) == {"score": 3, "reason": None, "tags": []}


async def test_a_single_text_needs_no_json(context, model) -> None:
    assert await ask(context(" A short summary.\n"), model, {"summary": "str"}) == {"summary": "A short summary."}
    assert await ask(context('{"summary": "Short."}'), model, {"summary": "str"}) == {"summary": "Short."}


async def test_what_may_be_missing_is_null_where_it_cannot_be_had(context, model) -> None:
    gives = {"score": "maybe int", "reason": "maybe str"}
    assert await ask(context("no idea"), model, gives) == {"score": None, "reason": None}
    assert await ask(context('{"score": "high"}'), model, gives) == {"score": None, "reason": None}


async def test_what_may_not_be_missing_ends_the_unit_and_names_the_output(context, model) -> None:
    with pytest.raises(ModelError) as missing:
        await ask(context('{"score": "high", "tags": []}'), model, OUTPUTS)
    assert str(missing.value) == (
        "the reply gives 'high' for `score`, expected int; write `maybe int` if it may be missing. "
        """The reply: '{"score": "high", "tags": []}'"""
    )


def test_the_outputs_are_known_from_the_settings_alone() -> None:
    outputs = Chat.output_type({"outputs": OUTPUTS})
    assert {name: field.annotation for name, field in outputs.model_fields.items()} == {
        "score": int,
        "reason": str | None,
        "tags": list[str],
    }
    with pytest.raises(
        ValueError, match="'number' is not a type: write one of bool, float, int, str, perhaps after `maybe`"
    ):
        Chat.output_type({"outputs": {"score": "number"}})
