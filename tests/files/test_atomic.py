import errno
import os
from pathlib import Path

import pytest

from ste_graph.errors import RunError
from ste_graph.files.atomic import write_atomically


def test_a_file_is_replaced_whole_and_file_and_folder_are_synced(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "state.json"
    path.write_text("old")
    synced: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    write_atomically(path, "new \ud800")
    assert path.read_bytes() == b"new \xed\xa0\x80"
    assert synced == [str(tmp_path / "state.json.new"), str(tmp_path)]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "Make room"),
        (errno.EROFS, "Make the folder writable"),
        (errno.EIO, "Repair the folder"),
    ],
)
def test_what_cannot_be_written_leaves_the_old_content_and_says_what_to_do(
    tmp_path: Path, monkeypatch, code: int, remedy: str
) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    path = tmp_path / "state.json"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(RunError) as caught:
        write_atomically(path, "new")
    assert str(caught.value) == (
        f"{path}: cannot be written ({os.strerror(code)}); nothing finished is lost. "
        f"{remedy}, then run the same command again"
    )
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
