"""Files of lines that are finished, compressed in their place. Every byte is kept, and readers of lines find them."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from ste_graph.files.atomic import TEMPORARY, sync_folder, write_atomically
from ste_graph.files.regular import check_regular

_CHUNK = 65536
_MAGIC = b"\x1f\x8b\x08"
_LEVEL = 6


class LastLine(NamedTuple):
    """The last line of a file, and where it begins."""

    line: bytes
    offset: int


def compressed_path(path: Path) -> Path:
    """The compressed form of a file."""
    return path.with_name(f"{path.name}.gz")


def list_files(folder: Path, pattern: str) -> list[Path]:
    """The files of this pattern in a folder, by the names that they have when they are not compressed."""
    packed = (path.with_suffix("") for path in folder.rglob(f"{pattern}.gz"))
    return sorted({*folder.rglob(pattern), *packed})


def open_lines(path: Path) -> BinaryIO:
    """A file, opened for reading as it is or else in its compressed form. Raises `OSError`."""
    try:
        check_regular(path)
        return path.open("rb")
    except FileNotFoundError:
        packed = compressed_path(path)
        if not packed.exists():
            raise
        check_regular(packed)
        return cast(BinaryIO, gzip.open(packed, "rb"))


def read_last_line(path: Path) -> LastLine | None:
    """The last line of a file, or None if it is missing, was never finished, or is too long to look at alone."""
    try:
        if path.exists():
            return _last_line(*_read_end(path))
        return _last_member(*_read_end(compressed_path(path)))
    except OSError:
        return None


def compress(path: Path) -> int:
    """Put the compressed form of a file in its place; return how many bytes smaller it is.

    At every moment one of the two is there whole. Raises `OSError`, and `RunError` if it cannot be written.
    """
    packed = compressed_path(path)
    size = path.stat().st_size
    write_atomically(packed, _members(path))
    with path.open("rb") as plain, gzip.open(packed, "rb") as read:
        while chunk := plain.read(_CHUNK):
            if read.read(len(chunk)) != chunk:
                packed.unlink()
                raise OSError(f"{packed}: does not give back what was written")
    path.unlink()
    sync_folder(path.parent)
    return size - packed.stat().st_size


def expand(path: Path) -> None:
    """Put a file in the place of its compressed form, if only that is there. Raises as `compress`."""
    packed = compressed_path(path)
    if not path.exists() and packed.exists():
        with gzip.open(packed, "rb") as read:
            write_atomically(path, iter(lambda: read.read(_CHUNK), b""))
    packed.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove the leftovers of a compression that was killed: half a compressed form, or the whole next to its file."""
    for half in folder.glob(f"*.gz{TEMPORARY}"):
        half.unlink()
    for packed in folder.glob("*.gz"):
        if packed.with_suffix("").exists():
            packed.unlink()


def _members(path: Path) -> Iterator[bytes]:
    """The file in two gzip members: all lines but the last, and the last, which can so be read alone."""
    last = _last_line(*_read_end(path))
    size = path.stat().st_size
    ends = [size] if last is None or last.offset == 0 else [last.offset, size]
    with path.open("rb") as file:
        for end in ends:
            packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
            while (left := end - file.tell()) > 0 and (chunk := file.read(min(left, _CHUNK))):
                yield packer.compress(chunk)
            yield packer.flush()


def _read_end(path: Path) -> tuple[bytes, int]:
    """The last bytes of a file, and where they begin."""
    with path.open("rb") as file:
        start = max(0, file.seek(0, os.SEEK_END) - _CHUNK)
        file.seek(start)
        return file.read(), start


def _last_line(end: bytes, start: int) -> LastLine | None:
    if not end.endswith(b"\n"):
        return None
    newline = end[:-1].rfind(b"\n")
    return None if newline < 0 and start > 0 else LastLine(end[newline + 1 :], start + newline + 1)


def _last_member(end: bytes, start: int) -> LastLine | None:
    """The line that the last gzip member holds. The four bytes before it give the length of the member before."""
    place = len(end)
    while (place := end.rfind(_MAGIC, 0, place)) >= 0:
        try:
            line = gzip.decompress(end[place:])
        except (OSError, EOFError, zlib.error):
            continue  # the magic bytes stood in the middle of a member
        if not line.endswith(b"\n") or line.count(b"\n") > 1 or (place < 4 and start > 0):
            return None
        return LastLine(line, int.from_bytes(end[place - 4 : place], "little") if place else 0)
    return None
