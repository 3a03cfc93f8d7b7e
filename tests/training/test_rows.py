from pathlib import Path

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.training.rows import Row, by_tool, read_rows


def test_a_row_knows_its_tool_and_its_values() -> None:
    row = Row(prompt="?", completion='Action: book\nAction Input: {"to": "Rome", "days": [1, 2.5], "back": true}')
    assert (row.tool, row.values) == ("book", ["Rome", "1", "2.5", "true"])


def test_a_row_keeps_where_it_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"prompt": "a", "completion": "b", "trial_id": "t1"}\n', "utf-8")
    assert [row.model_dump() for row in read_rows([file])] == [{"prompt": "a", "completion": "b", "trial_id": "t1"}]


def test_chat_messages_become_the_text_protocol() -> None:
    def call(arguments: object) -> dict[str, object]:
        return {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"function": {"name": "add", "arguments": arguments}}],
        }

    row = Row.model_validate(
        {
            "prompt": [{"role": "user", "content": "1 + 1?"}, call('{"a": 1}'), {"role": "tool", "content": "b?"}],
            "completion": [call({"a": 1, "b": 1})],
            "tools": [{"type": "function"}],
            "provenance": {"tool": "add"},
        }
    )
    assert row.prompt == 'User Query: 1 + 1?\nAction: add\nAction Input: {"a": 1}\nObservation: b?\n'
    assert (row.completion, row.tool) == ('Action: add\nAction Input: {"a": 1, "b": 1}', "add")


def test_every_line_that_is_no_row_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(
        '{"prompt": "a", "completion": "b"}\n{"prompt": "", "completion": "b"}\n\n{"prompt": "a"}\n', "utf-8"
    )
    with pytest.raises(WorkflowError) as fault:
        read_rows([file])
    assert str(fault.value) == (
        f"{file}: 2 problems; expected objects with `prompt` and `completion`, both texts or both chat messages\n"
        "  line 2: prompt: String should have at least 1 character\n"
        "  line 4: completion: Field required"
    )


def test_rows_are_sorted_by_the_tool_that_they_name_or_call() -> None:
    named, calls = Row(prompt="?", completion="!", tool="a"), Row(prompt="?", completion="Action: b\nAction Input: {}")
    assert by_tool([calls, named]) == {"a": [named], "b": [calls]}


def test_of_the_tools_on_offer_a_row_keeps_the_schema_of_the_one_it_calls_and_so_knows_what_was_chosen_freely() -> None:
    schema = {
        "properties": {
            "number": {"type": "integer"},
            "form": {"enum": ["ordinal", "year"]},
            "loud": {"type": "boolean"},
            "times": {"type": "integer", "default": 1},
        }
    }
    call = {"name": "say", "arguments": '{"number": 7, "form": "year", "loud": true, "times": 1}'}
    row = Row.model_validate(
        {
            "prompt": [{"role": "user", "content": "Say seven."}],
            "completion": [{"role": "assistant", "content": "", "tool_calls": [{"function": call}]}],
            "tools": [
                {"function": {"name": "hear", "parameters": {}}},
                {"function": {"name": "say", "parameters": schema}},
            ],
        }
    )
    assert (row.query, row.free) == ("Say seven.", {"7"})
    assert row.said == {"7", '"year"', "true", "1"}
    assert row.is_unseen({"8", "1"})
    assert not row.is_unseen({"7"})


def test_equal_numbers_are_one_value_and_a_text_is_another() -> None:
    one, other, text = (
        Row(prompt="?", completion=f'Action: a\nAction Input: {{"v": {v}}}') for v in ("2", "2.0", '"2"')
    )
    assert one.said == other.said != text.said
    assert not one.is_unseen(other.said)
    assert one.is_unseen(text.said)
