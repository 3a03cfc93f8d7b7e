"""Files of JSON lines that only grow: a line is there whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ste_graph.contracts import Json
from ste_graph.errors import RunError, WorkflowError

_CHUNK = 65536
_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class LineFile:
    """A file of JSON lines with one writer, which cuts off a last line that was not finished when another died."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._size = 0

    def lines(self) -> Iterator[dict[str, Json]]:
        """Every whole line. Raises `WorkflowError` that names a line which is not a JSON object."""
        try:
            with self.path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    if not line.endswith(b"\n"):
                        return
                    try:
                        value = json.loads(line)
                    except (ValueError, RecursionError):
                        value = None
                    if not isinstance(value, dict):
                        raise self.damaged(number)
                    yield value
        except FileNotFoundError:
            return
        except OSError as error:
            raise WorkflowError(f"{self.path}: cannot be read ({error.strerror})") from error

    def damaged(self, number: int) -> WorkflowError:
        """What to say of a line that is not what it should be."""
        return WorkflowError(
            f"{self.path}:{number}: this line is damaged; "
            "restore the file, or delete it (what it holds is then done again), or start a new run with --out"
        )

    def append(self, value: dict[str, Json], *, durable: bool = False) -> None:
        """Add a line; it survives the process at once, and with `durable` a loss of power too.

        Raises `RunError` if it cannot be written: the line is then not there.
        """
        data = _encoded(value).encode("utf-8", "surrogatepass") + b"\n"
        try:
            file = self._open()
            try:
                if file.write(data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if durable:
                    os.fsync(file.fileno())
                self._size += len(data)
            except OSError:
                with suppress(OSError):
                    file.truncate(self._size)
                raise
        except OSError as error:
            raise RunError(
                f"{self.path}: cannot be written ({error.strerror}); nothing finished is lost: "
                "make room, then run the same command again"
            ) from error

    def cut(self) -> None:
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
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO:
        if self._file is None:
            self.cut()
            self._file = self.path.open("ab", buffering=0)
            self._size = self._file.tell()
        return self._file
