"""The one process that may write."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

_POLL_S = 0.01


class LockHeldError(Exception):
    """Another process, or another object of this one, holds the lock; `owner` says which process, if known."""

    def __init__(self, owner: str) -> None:
        super().__init__(owner)
        self.owner = owner


class FileLock:
    """An exclusive lock on a file. The kernel releases it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, *, wait_s: float = 0.0) -> None:
        """Take the lock, waiting at most `wait_s` seconds. Raises `LockHeldError`, and `OSError` for the file."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() < until:
                    time.sleep(_POLL_S)
                    continue
                owner = os.pread(descriptor, 100, 0).decode(errors="replace").strip()
                os.close(descriptor)
                raise LockHeldError(owner) from None
            except OSError:
                os.close(descriptor)
                raise
        self._descriptor = descriptor
        with suppress(OSError):  # on a full disk too: the number is only for people
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"pid {os.getpid()}".encode(), 0)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

    def release(self) -> None:
        """Let others take it. Released already, it stays so."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def lock_owner(path: Path) -> str | None:
    """The process that holds the lock on a file, as it names itself, or None if none does or the file is missing."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 100, 0).decode(errors="replace").strip()
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None
