"""Paths of files that may be read."""

import os
from pathlib import Path

import pytest

from ste_graph.files.regular import check_regular, is_regular, read_regular, read_regular_text


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/dev/zero", "Is not a regular file"),
        ("pipe", "Is not a regular file"),
        (".", "Is a directory"),
        ("a" * 300, "File name too long"),
        ("a\0b", "A path cannot have a NUL character"),
        ("missing", "No such file or directory"),
        ("large", "Is larger than 1 KiB"),
    ],
)
def test_only_a_regular_file_that_is_not_too_large_is_read(path, why, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("large").write_bytes(bytes(1025))
    with pytest.raises(OSError, match=why):
        read_regular(Path(path), 1024)
    assert is_regular(Path(path)) is (path == "large")


def test_a_link_to_a_regular_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"\xef\xbb\xbfa\r\nb")
    (tmp_path / "link").symlink_to("text")
    check_regular(tmp_path / "link")
    assert read_regular_text(tmp_path / "link", encoding="utf-8-sig") == "a\nb"
