"""One run's share of an index that many runs grow: `lives: forever`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import uuid4

from ste_graph.errors import RunError, WorkflowError
from ste_graph.files.atomic import write_atomically
from ste_graph.files.lock import FileLock, LockHeldError
from ste_graph.memory.vectors.snapshot import stood


def mark_of(folder: Path) -> str:
    """A name of its own for the run whose memory's folder this is, made up when it is first asked for.

    Raises `OSError`, or `RunError` where it cannot be written.
    """
    mark = folder / "share.json"
    if not mark.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(mark, json.dumps({"run": uuid4().hex}))
    return str(json.loads(mark.read_text(encoding="utf-8"))["run"])


class Share:
    """Which entries of a shared index are this run's own, and which there were when it began.

    Two processes that write to one Chroma folder lose vectors without a word, so that an index in a folder is held for
    this run alone and a second one is refused; a server (`index` is None) sees to it by itself. What tells the runs
    apart is kept in the run's folder, and goes on with it.

    Raises:
        WorkflowError: another run holds the index now.
        RunError: a folder cannot be used.
    """

    def __init__(self, name: str, folder: Path, index: Path | None) -> None:
        self._lock: FileLock | None = None
        self._stood = folder / "stood.json"
        try:
            if index is not None:
                index.mkdir(parents=True, exist_ok=True)
                self._lock = self._held(name, index)
            self.run = mark_of(folder)
        except OSError as error:
            raise RunError(
                f"{error.filename or index}: memory `{name}` cannot be kept here ({error.strerror})"
            ) from error

    def stood(self, now: Callable[[], Sequence[str]]) -> list[str]:
        """The ids of what other runs had left when this one began; asked for the first time, those that `now` gives."""
        return stood(self._stood, now)

    def leave(self) -> None:
        """Let other runs use the index."""
        if self._lock is not None:
            self._lock.release()

    def _held(self, name: str, index: Path) -> FileLock:
        lock = FileLock(index / ".writer")
        try:
            lock.acquire()
        except LockHeldError:
            raise WorkflowError(
                f"{index}: memory `{name}` is in use by another run; "
                "wait until it ends, or give the memory another `path`"
            ) from None
        return lock
