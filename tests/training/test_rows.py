from pathlib import Path

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.training.rows.row import TrainingRow, group_by_tool, read_rows


def test_a_row_knows_its_tool_and_its_values() -> None:
    row = TrainingRow(
        prompt="?", completion='Action: book\nAction Input: {"to": "Rome", "days": [1, 2.5], "back": true}'
    )
    assert (row.tool, row.values) == ("book", ["Rome", "1", "2.5", "true"])


def test_a_row_keeps_its_provenance(tmp_path: Path) -> None:
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

    row = TrainingRow.model_validate(
        {
            "prompt": [{"role": "user", "content": "1 + 1?"}, call('{"a": 1}'), {"role": "tool", "content": "b?"}],
            "completion": [call({"a": 1, "b": 1})],
            "tools": [{"type": "function"}],
            "provenance": {"tool": "add"},
        }
    )
    assert row.prompt == 'User Query: 1 + 1?\nAction: add\nAction Input: {"a": 1}\nObservation: b?\n'
    assert (row.completion, row.tool) == ('Action: add\nAction Input: {"a": 1, "b": 1}', "add")


def test_every_invalid_line_is_named(tmp_path: Path) -> None:
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


def test_rows_are_grouped_by_the_tool_that_they_name_or_call() -> None:
    named, calls = (
        TrainingRow(prompt="?", completion="!", tool="a"),
        TrainingRow(prompt="?", completion="Action: b\nAction Input: {}"),
    )
    assert group_by_tool([calls, named]) == {"a": [named], "b": [calls]}


def test_a_row_keeps_the_schema_of_the_tool_it_calls_and_so_knows_which_values_were_chosen_freely() -> None:
    schema = {
        "properties": {
            "number": {"type": "integer"},
            "form": {"enum": ["ordinal", "year"]},
            "loud": {"type": "boolean"},
            "times": {"type": "integer", "default": 1},
        }
    }
    call = {"name": "say", "arguments": '{"number": 7, "form": "year", "loud": true, "times": 1}'}
    row = TrainingRow.model_validate(
        {
            "prompt": [{"role": "user", "content": "Say seven."}],
            "completion": [{"role": "assistant", "content": "", "tool_calls": [{"function": call}]}],
            "tools": [
                {"function": {"name": "hear", "parameters": {}}},
                {"function": {"name": "say", "parameters": schema}},
            ],
        }
    )
    assert (row.query, row.free_value_keys) == ("Say seven.", {"7"})
    assert row.value_keys == {"7", '"year"', "true", "1"}
    assert row.is_unseen({"8", "1"})
    assert not row.is_unseen({"7"})


def test_equal_numbers_are_one_value_and_a_text_is_another() -> None:
    first, second, text = (
        TrainingRow(prompt="?", completion=f'Action: a\nAction Input: {{"v": {v}}}') for v in ("2", "2.0", '"2"')
    )
    assert first.value_keys == second.value_keys != text.value_keys
    assert not first.is_unseen(second.value_keys)
    assert first.is_unseen(text.value_keys)
