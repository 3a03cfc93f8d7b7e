"""Files of JSON lines that only grow: a line is there whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ste_graph.contracts import Json
from ste_graph.errors import RunError, WorkflowError


class LineFile:
    """A file of JSON lines with one writer. Opening it cuts a last line that was not finished when its writer died."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def lines(self) -> Iterator[dict[str, Json]]:
        """Every whole line. Raises `WorkflowError` that names a line which is not JSON."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                try:
                    value = json.loads(line)
                except ValueError:
                    value = None
                if not isinstance(value, dict):
                    raise WorkflowError(
                        f"{self.path}:{number}: this line is damaged, so the run cannot go on; "
                        "mend or delete the file (its unit is then done again), or start a new run with --out"
                    )
                yield value

    def append(self, value: dict[str, Json], *, durable: bool = False) -> None:
        """Add a line; it survives the process at once, and with `durable` a loss of power too.

        Raises `RunError` if it cannot be written: the line then counts as not there.
        """
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
        try:
            file = self._open()
            written = file.write(data)
            if written != len(data):
                raise OSError(28, "No space left on device")
            if durable:
                os.fsync(file.fileno())
        except OSError as error:
            raise RunError(
                f"{self.path}: cannot be written ({error.strerror}); nothing finished is lost: "
                "make room, then run the same command again"
            ) from error

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO:
        if self._file is None:
            self._cut_torn_tail()
            self._file = self.path.open("ab", buffering=0)
        return self._file

    def _cut_torn_tail(self) -> None:
        if not self.path.exists():
            return
        with self.path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            end = size
            while end > 0:
                start = max(0, end - 65536)
                file.seek(start)
                cut = file.read(end - start).rfind(b"\n")
                if cut >= 0:
                    if start + cut + 1 < size:
                        file.truncate(start + cut + 1)
                    return
                end = start
            if size:
                file.truncate(0)
