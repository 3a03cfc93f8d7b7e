"""JSON lines in files that only grow: a line is there whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.atomic import KEPT, RETRY, sync_folder, write_error
from ste_graph.files.compressed import LastLine, expand, open_lines, read_last_line

_CHUNK = 65536
_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode_line(value: Json) -> bytes:
    """A value as one line of compact JSON in UTF-8, with its newline."""
    return _encoded(value).encode("utf-8", "surrogatepass") + b"\n"


def scan_lines(path: Path, offset: int = 0, *, unfinished: bool = False) -> Iterator[tuple[bytes, int]]:
    """The lines from a byte `offset` on, each with the offset after it; no line if the file does not exist.

    A file that was compressed in its place is read as it was.
    A last line without its newline was never finished: it counts only if `unfinished`. Raises `WorkflowError`.
    """
    try:
        with open_lines(path) as file:
            file.seek(offset)
            for line in file:
                if not (line.endswith(b"\n") or unfinished):
                    return
                offset += len(line)
                yield line, offset
    except FileNotFoundError:
        return
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or "its compressed form is damaged"
        raise WorkflowError(f"{path}: cannot be read ({why})") from error


class LineFile:
    """A file of JSON lines with one writer, which cuts off a last line that was not finished when another died.

    `kept` and `retry` are what an error says about what is not lost, and how to go on.
    """

    def __init__(self, path: Path, *, kept: str = KEPT, retry: str = RETRY) -> None:
        self.path = path
        self._messages = {"kept": kept, "retry": retry}
        self._file: BinaryIO | None = None
        self._size = 0
        self._new = False

    @staticmethod
    def parse(line: bytes) -> dict[str, Json] | None:
        """The JSON object that a line holds; None for a line that is damaged."""
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def numbered_lines(self) -> Iterator[tuple[int, dict[str, Json] | None]]:
        """Every whole line by its number, from 1; None for a line that is damaged."""
        for number, (line, _) in enumerate(scan_lines(self.path), start=1):
            yield number, self.parse(line)

    def lines(self) -> Iterator[dict[str, Json]]:
        """Every whole line. Raises `WorkflowError` that names a line which is not a JSON object."""
        for number, value in self.numbered_lines():
            if value is None:
                raise self.damaged_line(number)
            yield value

    def last_line(self) -> LastLine | None:
        """The last line, if it is whole and not too long to be looked at alone."""
        return read_last_line(self.path)

    @property
    def size(self) -> int:
        """The bytes of the file, which is opened for writing."""
        self._open()
        return self._size

    def damaged_line(self, number: int) -> WorkflowError:
        """The error for a line that does not hold what it should."""
        return WorkflowError(
            f"{self.path}:{number}: this line is damaged; "
            "restore the file, or delete it (what it holds is then done again), or start a new run with --out"
        )

    def append(self, value: dict[str, Json], *, durable: bool = False) -> None:
        """Add a line; it survives the process at once, and with `durable` a loss of power too.

        Raises `RunError` if it cannot be written: the line is then not there.
        """
        self.append_lines([encode_line(value)], durable=durable)

    def append_lines(self, lines: Iterable[bytes], *, durable: bool = False) -> None:
        """Add encoded lines: all of them or, with a `RunError`, none."""
        data = b"".join(lines)
        try:
            file = self._open()
            try:
                if file.write(data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if durable:
                    self._sync(file.fileno())
                self._size += len(data)
            except OSError:
                with suppress(OSError):
                    file.truncate(self._size)
                raise
        except OSError as error:
            raise write_error(self.path, error, **self._messages) from error

    async def sync(self) -> None:
        """Make the lines survive a loss of power; other tasks go on meanwhile. Raises `RunError` if that fails."""
        try:
            # Of its own, so that the file may be closed meanwhile.
            descriptor = os.dup(self._open().fileno())
            await asyncio.to_thread(self._sync, descriptor, closes=True)
        except OSError as error:
            raise write_error(self.path, error, **self._messages) from error

    def cut_unfinished_line(self) -> None:
        """Cut off a last line that was not finished. Only for the file's writer."""
        with suppress(FileNotFoundError), self.path.open("rb+") as file:
            size = end = file.seek(0, os.SEEK_END)
            while end > 0:
                start = max(0, end - _CHUNK)
                file.seek(start)
                newline = file.read(end - start).rfind(b"\n")
                if newline >= 0:
                    end = start + newline + 1
                    break
                end = start
            if end < size:
                file.truncate(end)

    def close(self) -> None:
        """Let go of the file; the next `append` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _sync(self, descriptor: int, *, closes: bool = False) -> None:
        try:
            os.fsync(descriptor)
        finally:
            if closes:
                os.close(descriptor)
        if self._new:
            sync_folder(self.path.parent)
            self._new = False

    def _open(self) -> BinaryIO:
        if self._file is None:
            expand(self.path)
            self.cut_unfinished_line()
            self._file = self.path.open("ab", buffering=0)
            self._size = self._file.tell()
            self._new = self._size == 0
        return self._file
