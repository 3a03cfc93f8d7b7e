"""Regular files: only they are read where a user names a file. A pipe may never end, and `/dev/zero` never does."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

MOST_BYTES: Final = 256 * 1024**2
"""The size of the largest file that is read as a whole."""


def check_regular(path: Path, most: int | None = None) -> None:
    """Raise `OSError` unless a path is a regular file, of `most` bytes at the most. Its `strerror` says why.

    Also for a path that no file can have; `FileNotFoundError` only where there is nothing.
    """
    try:
        found = os.stat(path)
    except ValueError:
        raise OSError(errno.EINVAL, "A path cannot have a NUL character", os.fspath(path)) from None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "Is not a regular file", os.fspath(path))
    if most is not None and found.st_size > most:
        raise OSError(errno.EFBIG, f"Is larger than {_size(most)}", os.fspath(path))


def is_regular(path: Path) -> bool:
    """True if a path is a regular file."""
    try:
        check_regular(path)
    except OSError:
        return False
    return True


def read_regular(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file. Raises `OSError`, as `check_regular` does."""
    check_regular(path, most)
    return path.read_bytes()


def read_regular_text(path: Path, most: int = MOST_BYTES, encoding: str = "utf-8") -> str:
    """The text of a regular file. Raises `OSError`, as `check_regular` does, or `UnicodeDecodeError`."""
    check_regular(path, most)
    return path.read_text(encoding)


def _size(count: int) -> str:
    return f"{count // 1024**2} MiB" if count >= 1024**2 else f"{count // 1024} KiB"
