"""One run's share of an index that many runs grow: `lives: forever`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from ste_graph.errors import RunError, WorkflowError

if TYPE_CHECKING:
    from filelock import BaseFileLock


def mark_of(folder: Path) -> tuple[str, int]:
    """A name of its own for the run whose memory's folder this is, and when it began, in nanoseconds since 1970.

    Both are made up when they are first asked for. Raises `OSError`.
    """
    mark = folder / "share.json"
    if not mark.exists():
        folder.mkdir(parents=True, exist_ok=True)
        aside = mark.with_suffix(".new")
        aside.write_text(json.dumps({"run": uuid4().hex, "began": time.time_ns()}), encoding="utf-8")
        aside.replace(mark)
    said = json.loads(mark.read_text(encoding="utf-8"))
    return said["run"], said["began"]


class Share:
    """Which entries of a shared index are this run's own, and when it began; holds the index for this run alone.

    Two processes that write to one Chroma folder lose vectors without a word, so the second is refused. What tells
    the runs apart is kept in the run's folder, and goes on with it.

    Raises:
        WorkflowError: another run holds the index now.
        RunError: a folder cannot be used.
    """

    def __init__(self, name: str, index: Path, folder: Path) -> None:
        try:
            index.mkdir(parents=True, exist_ok=True)
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = self._held(name, index)
            self.run, self.began = mark_of(folder)
        except OSError as error:
            raise RunError(
                f"{error.filename or index}: memory `{name}` cannot be kept here ({error.strerror})"
            ) from error

    def leave(self) -> None:
        """Let other runs use the index."""
        self._lock.release()

    def _held(self, name: str, index: Path) -> BaseFileLock:
        from filelock import FileLock, Timeout

        # Not bound to a thread: it is taken in one worker thread and let go in another.
        lock = FileLock(index / ".writer", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise WorkflowError(
                f"{index}: memory `{name}` is in use by another run; "
                "wait until it ends, or give the memory another `path`"
            ) from None
        return lock
