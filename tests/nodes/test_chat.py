from typing import Any

import pytest

from ste_graph.contracts import Reply
from ste_graph.errors import ModelError
from ste_graph.nodes.chat import Chat
from ste_graph.prompt import Prompt

GIVES = {"score": "int", "reason": "maybe str", "tags": ["str"]}


async def ask(talk: Any, model: Any, gives: dict[str, Any]) -> dict[str, Any]:
    return (await Chat(model=model, prompt=Prompt("Judge."), gives=gives)(Chat.See().within(talk))).model_dump()


async def test_chat_takes_structured_output_where_the_model_has_it(session, model) -> None:
    talk = session(Reply(text="…", data={"score": 3, "reason": None, "tags": ["a"], "mood": "good"}))
    assert await ask(talk, model, GIVES) == {"score": 3, "reason": None, "tags": ["a"]}
    assert talk.asked[0]["schema"]["properties"].keys() == GIVES.keys()
    assert talk.asked[0]["schema"]["required"] == ["score", "reason", "tags"]
    assert talk.asked[0]["schema"]["additionalProperties"] is False


async def test_chat_reads_the_first_object_of_a_text_as_tolerantly_as_a_call(session, model) -> None:
    talk = session("Here you are:\n```json\n{'score': '3', 'tags': [],}\n```\nAnything else?")
    assert await ask(talk, model, GIVES) == {"score": 3, "reason": None, "tags": []}


async def test_a_single_text_needs_no_json(session, model) -> None:
    assert await ask(session(" A short summary.\n"), model, {"summary": "str"}) == {"summary": "A short summary."}
    assert await ask(session('{"summary": "Short."}'), model, {"summary": "str"}) == {"summary": "Short."}


async def test_what_may_be_missing_is_null_where_it_cannot_be_had(session, model) -> None:
    gives = {"score": "maybe int", "reason": "maybe str"}
    assert await ask(session("no idea"), model, gives) == {"score": None, "reason": None}
    assert await ask(session('{"score": "high"}'), model, gives) == {"score": None, "reason": None}


async def test_what_may_not_be_missing_ends_the_unit_and_names_the_output(session, model) -> None:
    with pytest.raises(ModelError) as missing:
        await ask(session('{"score": "high", "tags": []}'), model, GIVES)
    assert str(missing.value) == (
        "the reply gives 'high' for `score`, which was to be int; write `maybe int` if it may be missing. "
        """The reply: '{"score": "high", "tags": []}'"""
    )


def test_the_outputs_are_known_from_the_settings_alone() -> None:
    outputs = Chat.outputs({"gives": GIVES})
    assert {name: field.annotation for name, field in outputs.model_fields.items()} == {
        "score": int,
        "reason": str | None,
        "tags": list[str],
    }
    with pytest.raises(ValueError, match="'number' is no type: write one of bool, float, int, str, `maybe` before it"):
        Chat.outputs({"gives": {"score": "number"}})
