import json
from pathlib import Path

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.files.jsonl import encode_line
from ste_graph.run.logs.journal import Journal, count_records, read_records

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


KINDS = ("trial", "reply", 'odd "\\" kind')
UNITS = ("add", "été", 'a "quoted" \\ unit', "")


def records() -> list[dict]:
    """Records of all types and units, with others' names in their texts."""
    pairs = [(record, unit) for record in KINDS for unit in UNITS]
    return [
        {"id": str(number), "record": record, "tool": unit, "query": f'"record":"trial","tool":"{other}"'}
        for number, ((record, unit), other) in enumerate(zip(pairs, reversed(UNITS * 3), strict=True))
    ]


@pytest.mark.parametrize("encode", [encode_line, lambda record: json.dumps(record).encode() + b"\n"])
@pytest.mark.parametrize("record", [None, *KINDS])
@pytest.mark.parametrize("unit", [None, *UNITS])
def test_records_are_selected_by_type_and_unit_however_their_lines_are_written(tmp_path: Path, encode, record, unit):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"".join(map(encode, records())))
    wanted = [
        (number, line)
        for number, line in enumerate(records(), start=1)
        if record in (None, line["record"]) and unit in (None, line["tool"])
    ]
    assert wanted
    assert [*read_records(path, record=record, unit=unit)] == wanted
    assert count_records(path) == dict.fromkeys(KINDS, len(UNITS))


def test_of_lines_that_are_not_wanted_only_the_beginning_is_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    own, other = records()[0], encode_line(records()[1])
    path.write_bytes(encode_line(own) + other[:-12] + b"rubbish}\n")
    assert [*read_records(path, unit="add")] == [(1, own)]
    with pytest.raises(WorkflowError, match=r"journal\.jsonl:2: this line is damaged"):
        [*read_records(path)]
    path.write_bytes(encode_line(own) + other[:-12] + b"\n")  # torn: not the end of a record
    for read in (lambda: [*read_records(path, unit="add")], lambda: count_records(path)):
        with pytest.raises(WorkflowError, match=r"journal\.jsonl:2: this line is damaged"):
            read()
