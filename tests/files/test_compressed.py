"""Files of lines, compressed in their place."""

import gzip
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.errors import WorkflowError
from ste_graph.files import compressed
from ste_graph.files.compressed import compress, compressed_path, list_files, read_last_line, remove_leftovers
from ste_graph.files.jsonl import LineFile, scan_lines

LINES = [b'{"n":%d,"text":"%s"}\n' % (number, b"word " * number) for number in range(60)]


def lines(path: Path) -> list[bytes]:
    return [line for line, _ in scan_lines(path)]


def written(path: Path, content: bytes = b"".join(LINES)) -> Path:
    path.write_bytes(content)
    return path


@given(content=st.lists(st.binary(max_size=300).map(lambda line: line.replace(b"\n", b"") + b"\n")))
def test_lines_and_their_last_are_the_same_after_it(tmp_path_factory: pytest.TempPathFactory, content: list) -> None:
    path = written(tmp_path_factory.mktemp("c") / "log.jsonl", b"".join(content))
    last = read_last_line(path)
    compress(path)
    assert not path.exists()
    assert (lines(path), read_last_line(path)) == (content, last)
    assert gzip.decompress(compressed_path(path).read_bytes()) == b"".join(content)


def test_the_last_line_is_found_though_the_bytes_before_it_look_like_its_beginning(tmp_path: Path) -> None:
    content = os.urandom(3000).replace(b"\n", b"") + b"\x1f\x8b\x08" * 5 + b"\n"
    last = b"\x1f\x8b\x08" + os.urandom(200).replace(b"\n", b"") + b"\n"
    path = written(tmp_path / "log.jsonl", content + last)
    compress(path)
    found = read_last_line(path)
    assert found is not None
    assert (found.line, found.offset) == (last, len(content))


def test_a_line_that_is_added_later_follows_the_others(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl")
    compress(path)
    file = LineFile(path)
    file.append({"n": 60})
    file.close()
    assert lines(path) == [*LINES, b'{"n":60}\n']
    assert not compressed_path(path).exists()


def test_a_damaged_form_is_named_and_never_taken_for_an_end(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl")
    compress(path)
    packed = compressed_path(path)
    whole = packed.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:40] + b"????" + whole[44:]):
        packed.write_bytes(damaged)
        with pytest.raises(WorkflowError, match=r"log\.jsonl: cannot be read \(its compressed form is damaged\)"):
            lines(path)


def test_files_are_listed_by_the_names_that_they_had(tmp_path: Path) -> None:
    (tmp_path / "units").mkdir()
    one, two = (written(tmp_path / "units" / name) for name in ("one.jsonl", "two.jsonl"))
    compress(one)
    assert list_files(tmp_path, "units/*.jsonl") == [one, two]


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Run something in a process that dies when it changes a file for the n-th time; False if it came to its end."""
    child = os.fork()
    if child == 0:
        left = [number]

        def dying(function: Callable) -> Callable:
            def call(*arguments: object, **options: object) -> object:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments, **options)

            return call

        os.fsync, Path.replace, Path.unlink = dying(os.fsync), dying(Path.replace), dying(Path.unlink)  # type: ignore[method-assign, assignment]
        compressed.sync_folder = dying(compressed.sync_folder)  # type: ignore[assignment]
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_no_kill_in_the_middle_loses_a_line(tmp_path: Path) -> None:
    places = 0
    for number in range(1, 20):
        path = written(tmp_path / f"log{number}.jsonl")
        if not killed_at(number, lambda path=path: compress(path)):
            break
        places += 1
        assert lines(path) == LINES
        remove_leftovers(tmp_path)
        assert lines(path) == LINES
        if path.exists():
            compress(path)
        assert [file.name for file in tmp_path.glob(f"log{number}.*")] == [f"log{number}.jsonl.gz"]
        assert lines(path) == LINES
    assert places >= 5
