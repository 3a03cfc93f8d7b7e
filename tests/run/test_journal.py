import json
from pathlib import Path

import pytest

from ste_graph.run.journal import Journal

ONE, TWO = {"id": "1", "query": "één"}, {"id": "2", "query": "two"}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def text(*values: dict) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


@pytest.mark.parametrize(
    "there",
    [
        "",
        text(ONE),
        text(ONE, TWO, TWO),
        text(ONE, {"id": "3"}),
        text(ONE) + "damaged\n",
        text({"odd": 1}, ONE),
        text(ONE, TWO | {"query": ""}),
    ],
)
def test_a_journal_that_differs_from_the_logs_is_remade_from_them(tmp_path: Path, there: str) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(there)
    Journal(path, [ONE, TWO]).close()
    assert lines(path) == [ONE, TWO]


def test_a_journal_that_is_right_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(text(TWO, ONE))
    Journal(path, [ONE, TWO]).close()
    assert path.read_text() == text(TWO, ONE)


def test_a_torn_last_line_is_cut_even_if_nothing_is_added(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(text(ONE, TWO) + '{"id": "3", "que')
    Journal(path, [ONE, TWO]).close()
    assert path.read_text() == text(ONE, TWO)


def test_a_record_is_written_once_however_often_it_is_replayed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", [ONE])
    for record in (ONE, TWO, ONE, TWO):
        journal.add(record)
    journal.close()
    assert lines(tmp_path / "journal.jsonl") == [ONE, TWO]


def test_a_run_without_records_has_a_journal_too(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, []).close()
    assert path.read_text() == ""
