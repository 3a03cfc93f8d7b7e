"""All that leans on the inside of Chroma: its files, its private attributes, the errors and warnings it lets through.

Tried with the versions in `TRIED`; `tests/memory/test_chroma_workarounds.py` fails on any other, until each of these
was looked at again.
"""

from __future__ import annotations

import os
import struct
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

TRIED = ("1.5.9",)
"""Versions of chromadb under which everything here was tried."""

_HEADER = struct.Struct("<i4Q")
"""hnswlib's `header.bin`: a version, an offset, the rows there is room for, the rows used, the bytes of a row, …"""

_LENGTH_BYTES = 4
"""Bytes of a row in `length.bin`."""


class UnusedPages:
    """The unused pages of one index, a folder; a server (any other `where`) sees to its own.

    Chroma reserves room for a hundred rows, writes it out with whatever the memory of the process held there when
    vectors are first asked for or written, and reads none of it. Only who has the index to himself may call this.
    """

    def __init__(self, where: str | Path) -> None:
        self._index = where if isinstance(where, Path) else None
        self._clean = False

    def zero_before_opening(self) -> None:
        """Overwrite them with zeros when an index is about to be opened."""
        if self._index is not None:
            zero_unused_pages(self._index)
        self._clean = False

    def zero_once(self) -> None:
        """Overwrite them when vectors have been read or written for the first time since the index was opened."""
        if not self._clean:
            self.zero_before_opening()
            self._clean = True


def zero_unused_pages(index: Path) -> None:
    """Overwrite the unused pages of an index with zeros: a forgotten request, or a secret, may be in them."""
    for header in index.glob("*/header.bin"):
        with suppress(OSError, struct.error):
            _, _, room, used, size = _HEADER.unpack(header.read_bytes()[: _HEADER.size])
            if used < room:
                _zero(header.with_name("data_level0.bin"), used * size, room * size)
                _zero(header.with_name("length.bin"), used * _LENGTH_BYTES, room * _LENGTH_BYTES)


def _zero(path: Path, start: int, end: int) -> None:
    # A file of another size is of another version of Chroma: better left alone.
    if path.stat().st_size != end:
        return
    with path.open("rb+") as file:
        file.seek(start)
        if any(file.read()):
            file.seek(start)
            file.write(bytes(end - start))
            os.fsync(file.fileno())


def forget_failed_start(folder: Path) -> None:
    """Make Chroma forget a client that did not start; else who opens the folder next gets it, repaired or not."""
    from chromadb.api.shared_system_client import SharedSystemClient as Started

    if str(folder) not in Started._identifier_to_refcount:
        Started._identifier_to_system.pop(str(folder), None)


def has_index(folder: Path) -> bool:
    """True if Chroma has opened the folder before."""
    return (folder / "chroma.sqlite3").exists()


def close_client(client: ClientAPI) -> None:
    """Close a client, and the connections that Chroma's own HTTP clients leave open."""
    client.close()  # type: ignore[attr-defined]  # the client has it, its interface does not say so
    for half in (client, getattr(client, "_admin_client", None)):
        session = getattr(getattr(half, "_server", None), "_session", None)
        if session is not None:
            session.close()


def is_chroma_error(error: BaseException | None) -> bool:
    """True for whatever Chroma raises: a panic of its Rust half (on a damaged file) is not an `Exception`."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


class without_warnings(warnings.catch_warnings):  # a context manager, read as a phrase
    """Without Chroma's warning that its own way of saying "no embedding function" is legacy."""

    def __enter__(self) -> Any:
        entered = super().__enter__()
        warnings.filterwarnings("ignore", "legacy embedding function config", DeprecationWarning)
        return entered
