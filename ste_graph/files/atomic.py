"""Files that are written anew: a reader, and the next process after a crash, finds the old content or the new one."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ste_graph.errors import RunError

TEMPORARY = ".new"
"""The end of the name of the temporary file that takes a file's place."""
KEPT = "nothing finished is lost"
RETRY = "run the same command again"
_REMEDIES = dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "Make room") | dict.fromkeys(
    (errno.EACCES, errno.EPERM, errno.EROFS), "Make the folder writable"
)


def write_atomically(path: Path, content: str | Iterable[bytes], *, kept: str = KEPT, retry: str = RETRY) -> None:
    """Replace the content of a file, durably: file and folder are synced. Text is written as UTF-8.

    Raises `RunError` (see `write_error`) if it cannot be written: then all is as before.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        with temporary.open("wb") as file:
            file.writelines([content.encode("utf-8", "surrogatepass")] if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise write_error(path, error, kept=kept, retry=retry) from error


def sync_folder(folder: Path) -> None:
    """Make the names of a folder's files survive a loss of power. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_error(path: Path, error: OSError, *, kept: str = KEPT, retry: str = RETRY) -> RunError:
    """The error for a file that cannot be written: why, what is not lost (`kept`), and what to do."""
    remedy = _REMEDIES.get(error.errno or 0, "Repair the folder")
    return RunError(f"{path}: cannot be written ({error.strerror}); {kept}. {remedy}, then {retry}")
