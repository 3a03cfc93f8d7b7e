from pathlib import Path

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.files.document import read_json, read_values


def test_the_values_of_a_file_have_their_line_numbers(tmp_path: Path) -> None:
    path = tmp_path / "values.jsonl"
    path.write_text('{"a": 1}\n\n[2]\n3')
    assert read_values(path) == [(1, {"a": 1}), (3, [2]), (4, 3)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": }', "{path}:2: not JSON: Expecting value at line 1 column 7"),
        ('{"a": 1, "a": 2}', '{path}:1: not JSON to rely on: duplicate key "a" in one object'),
        ("[" * 100_000, "{path}:1: the JSON is nested too deeply"),
    ],
)
def test_a_line_that_is_not_json_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "values.jsonl"
    path.write_text(text)
    with pytest.raises(WorkflowError) as caught:
        read_values(path)
    assert str(caught.value) == message.replace("{path}", str(path))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match=r"^/.*/none\.json: file not found$"):
        read_json(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'"\xe9"')
    with pytest.raises(WorkflowError, match=r"latin\.json: is not UTF-8 text \(byte 1\)$"):
        read_json(tmp_path / "latin.json")
    (tmp_path / "empty.json").write_text(" \n")
    with pytest.raises(WorkflowError, match=r"empty\.json: the file is empty; expected JSON$"):
        read_json(tmp_path / "empty.json")
