"""The unused room in Chroma's files of vectors, which holds whatever the memory of the process held there."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path

_HEADER = struct.Struct("<i4Q")
"""hnswlib's `header.bin`: a version, an offset, the rows there is room for, the rows used, the bytes of a row, …"""

_NUMBER = 4
"""Bytes of a row in `length.bin`."""


class UnusedRoom:
    """That of one index, a folder; a server (any other `where`) sees to its own.

    Chroma reserves room for a hundred rows, writes it out as it is when vectors are first asked for or written, and
    reads none of it. Only who has the index to himself may call this.
    """

    def __init__(self, where: str | Path) -> None:
        self._index = where if isinstance(where, Path) else None
        self._clean = False

    def blank(self) -> None:
        """Overwrite it with zeros when an index is about to be opened."""
        if self._index is not None:
            blanked(self._index)
        self._clean = False

    def blank_again(self) -> None:
        """Overwrite it when vectors have been asked for, or written, for the first time since."""
        if not self._clean:
            self.blank()
            self._clean = True


def blanked(index: Path) -> None:
    """Overwrite it with zeros: a request that was forgotten, or a secret, may stand there."""
    for header in index.glob("*/header.bin"):
        with suppress(OSError, struct.error):
            _, _, room, used, size = _HEADER.unpack(header.read_bytes()[: _HEADER.size])
            if used < room:
                _blank(header.with_name("data_level0.bin"), used * size, room * size)
                _blank(header.with_name("length.bin"), used * _NUMBER, room * _NUMBER)


def _blank(file: Path, start: int, end: int) -> None:
    # A file of another size is one of another version of Chroma: better left alone.
    if file.stat().st_size != end:
        return
    with file.open("rb+") as there:
        there.seek(start)
        if any(there.read()):
            there.seek(start)
            there.write(bytes(end - start))
            os.fsync(there.fileno())
