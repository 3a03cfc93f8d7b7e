"""Examples as rows, in three forms, each checked against its tool."""

import json
from typing import Any

import pytest

from ste_graph.distil.example import Example
from ste_graph.errors import WorkflowError
from ste_graph.training.rows.export import rows_from_examples
from ste_graph.training.rows.format import ArgumentFormat, RowFormat

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SEEN = {"ok": True, "kind": "ok", "text": "sunny"}


def example(*calls: dict[str, Any], **changes: Any) -> Example:
    given = {
        "query": "Sun in Oslo?", "answer": "It is sunny.", "split": "train", "cluster": 3, "trial_id": "t1",
        "definition": {"name": "look", "description": "Look out.", "parameters": PARAMETERS},
        "steps": [{"thought": None, "action": "look", "arguments": call, "observation": SEEN} for call in calls],
        "fingerprint": "f", "run": "explore", "run_id": "r1", "model": "qwen", "judge": "gpt", "licence": "mine",
        "gates": ["format", "judge"], **changes,
    }  # fmt: skip
    return Example.model_validate(given)


USER = {"role": "user", "content": "Sun in Oslo?"}
FUNCTION = {"name": "look", "description": "Look out.", "parameters": PARAMETERS}
TOOLS = [{"type": "function", "function": FUNCTION}]
ANSWER = {"role": "assistant", "content": "It is sunny."}


def call(number: int, arguments: Any) -> dict[str, Any]:
    function = {"name": "look", "arguments": arguments}
    return {"role": "assistant", "content": "",
            "tool_calls": [{"id": f"call_{number}", "type": "function", "function": function}]}  # fmt: skip


def result(number: int) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": f"call_{number}", "content": "sunny"}


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "provenance"} for row in rows]


def test_messages_end_with_the_call_or_with_the_answer() -> None:
    sunny = example({"city": "Oslo"})
    written = call(0, '{"city": "Oslo"}')
    assert plain(rows_from_examples([sunny], RowFormat.messages)) == [{"messages": [USER, written], "tools": TOOLS}]
    whole = [USER, written, result(0), ANSWER]
    assert plain(rows_from_examples([sunny], RowFormat.messages, answer=True)) == [{"messages": whole, "tools": TOOLS}]
    (row,) = rows_from_examples([sunny], RowFormat.messages, arguments=ArgumentFormat.object)
    assert row["messages"][1] == call(0, {"city": "Oslo"})


def test_prompt_completion_has_one_row_for_each_turn_of_the_assistant() -> None:
    first, second = call(0, '{"city": "Oslo"}'), call(1, '{"city": "Rome"}')
    rows = rows_from_examples([example({"city": "Oslo"}, {"city": "Rome"})], RowFormat.prompt_completion, answer=True)
    assert plain(rows) == [
        {"prompt": [USER], "completion": [first], "tools": TOOLS},
        {"prompt": [USER, first, result(0)], "completion": [second], "tools": TOOLS},
        {"prompt": [USER, first, result(0), second, result(1)], "completion": [ANSWER], "tools": TOOLS},
    ]


def test_the_papers_form_shows_no_tool_and_has_an_answer_row_only_if_asked_for() -> None:
    call_row, answer_row = rows_from_examples([example({"city": "Oslo"})], RowFormat.paper, answer=True)
    assert call_row["response"] == 'Action: <tool_look>\nAction Input: {"city": "Oslo"}'
    assert [turn["role"] for turn in call_row["dialog_history"]] == ["system", "user"]
    assert answer_row["response"] == "Final Answer: It is sunny."
    assert answer_row["dialog_history"][2:] == [
        {"role": "assistant", "content": call_row["response"]},
        {"role": "user", "content": "Observation: sunny"},
    ]
    assert "Look out" not in json.dumps(answer_row["dialog_history"])
    assert rows_from_examples([example({"city": "Oslo"})], RowFormat.paper) == [call_row]


def test_where_no_call_is_to_be_learnt_the_answer_is() -> None:
    ask = example(kind="ask", answer="Which city?")
    assert plain(rows_from_examples([ask], RowFormat.messages))[0]["messages"] == [
        USER,
        {"role": "assistant", "content": "Which city?"},
    ]
    assert [row["response"] for row in rows_from_examples([ask], RowFormat.paper)] == ["Final Answer: Which city?"]


@pytest.mark.parametrize("form", RowFormat)
def test_every_row_says_where_it_comes_from(form: RowFormat) -> None:
    (row,) = rows_from_examples([example({"city": "Oslo"}, paraphrase_of="Oslo: sun?", writer="w")], form)
    assert row["provenance"] == {
        "run": "explore", "run_id": "r1", "trial": "t1", "tool": "look", "fingerprint": "f", "model": "qwen",
        "judge": "gpt", "writer": "w", "licence": "mine", "kind": "call", "gates": ["format", "judge"],
        "split": "train", "cluster": 3, "paraphrase_of": "Oslo: sun?",
    }  # fmt: skip


@pytest.mark.parametrize("form", RowFormat)
@pytest.mark.parametrize("arguments", ArgumentFormat)
def test_a_row_that_does_not_fit_its_tool_is_named_and_nothing_is_written(
    form: RowFormat, arguments: ArgumentFormat
) -> None:
    with pytest.raises(WorkflowError) as caught:
        rows_from_examples(
            [example({"city": "Oslo"}), example({"town": "Oslo"}, trial_id="t2")], form, arguments=arguments
        )
    assert str(caught.value) == (
        "1 of 2 rows do not fit their tools, so that nothing was written:\n"
        "  look, trial t2: Invalid arguments for `look`: - `city`: required, but missing; expected string"
    )
    with pytest.raises(WorkflowError, match="`city`: of another type than the tool takes"):
        rows_from_examples([example({"city": 7})], form, arguments=arguments)
