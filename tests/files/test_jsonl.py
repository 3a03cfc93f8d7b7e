import asyncio
import errno
import json
import os
import resource
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.errors import RunError, WorkflowError
from ste_graph.files.jsonl import LineFile

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=5), st.integers(1, 200))
def test_a_file_cut_anywhere_gives_its_whole_lines_and_goes_on_behind_them(tmp_path_factory, values, cut) -> None:
    file = LineFile(tmp_path_factory.mktemp("lines") / "lines.jsonl")
    ends = [0]
    for value in values:
        file.append(value)
        ends.append(file.path.stat().st_size)
    file.close()
    size = max(0, ends[-1] - cut)
    if values:
        os.truncate(file.path, size)
    whole = values[: sum(end <= size for end in ends[1:])]
    again = LineFile(file.path)
    assert list(again.lines()) == whole
    again.append({"next": True})
    again.close()
    assert list(again.lines()) == [*whole, {"next": True}]


def test_a_torn_line_longer_than_a_block_is_cut_too(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"a":1}\n' + b"x" * 200_000)
    LineFile(path).cut_unfinished_line()
    assert path.read_bytes() == b'{"a":1}\n'


@pytest.mark.parametrize("damage", ["no json", "[1]", "{", "\x00" * 20, "[" * 100_000])
def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(f'{{"a":1}}\n{damage}\n{{"a":2}}\n')
    with pytest.raises(WorkflowError) as caught:
        list(LineFile(path).lines())
    assert str(caught.value) == (
        f"{path}:2: this line is damaged; restore the file, or delete it (what it holds is then done again), "
        "or start a new run with --out"
    )


def test_a_new_file_of_a_durable_line_is_durable_itself(tmp_path: Path, monkeypatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    file = LineFile(tmp_path / "lines.jsonl")
    file.append({"a": 1})
    assert synced == []
    file.append({"a": 2}, durable=True)
    file.append({"a": 3}, durable=True)
    file.close()
    assert synced == [str(file.path), str(tmp_path), str(file.path)]


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert list(LineFile(tmp_path / "lines.jsonl").lines()) == []


def test_what_does_not_fit_on_the_disk_leaves_no_piece_behind(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "lines.jsonl")
    file.append({"fits": True})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, limits[1]))
    try:
        with pytest.raises(RunError) as caught:
            file.append({"does": "not fit " * 20})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(caught.value) == (
        f"{file.path}: cannot be written (No space left on device); nothing finished is lost. "
        "Make room, then run the same command again"
    )
    assert file.path.read_text() == '{"fits":true}\n'
    file.append({"fits": "again"})
    file.close()
    assert [json.loads(line) for line in file.path.read_text().splitlines()] == [{"fits": True}, {"fits": "again"}]


def test_a_line_that_cannot_be_made_durable_is_taken_back(tmp_path: Path, monkeypatch) -> None:
    def broken(number: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    file = LineFile(tmp_path / "lines.jsonl")
    monkeypatch.setattr("ste_graph.files.jsonl.os.fsync", broken)
    with pytest.raises(RunError, match=r"lines\.jsonl: cannot be written \(Input/output error\)"):
        file.append({"a": 1}, durable=True)
    file.close()
    assert file.path.read_bytes() == b""


async def test_lines_are_made_durable_while_other_tasks_go_on(tmp_path: Path, monkeypatch) -> None:
    synced: list[str] = []
    may_end = threading.Event()

    def sync(descriptor: int) -> None:
        may_end.wait(5)
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    monkeypatch.setattr(os, "fsync", sync)
    file = LineFile(tmp_path / "lines.jsonl")
    file.append({"a": 1})
    syncing = asyncio.create_task(file.sync())
    await asyncio.sleep(0)
    assert not syncing.done()
    may_end.set()
    await syncing
    file.append({"a": 2})
    await file.sync()
    file.close()
    assert synced == [str(file.path), str(tmp_path), str(file.path)]


async def test_lines_that_cannot_be_made_durable_are_an_error(tmp_path: Path, monkeypatch) -> None:
    def broken(number: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    file = LineFile(tmp_path / "lines.jsonl")
    file.append({"a": 1})
    monkeypatch.setattr("ste_graph.files.jsonl.os.fsync", broken)
    with pytest.raises(RunError, match=r"lines\.jsonl: cannot be written \(Input/output error\)"):
        await file.sync()
    file.close()
