"""An index that many runs fill, as one of them uses it: `lives: forever`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import uuid4

from ste_graph.errors import RunError, WorkflowError
from ste_graph.files.atomic import write_atomically
from ste_graph.files.lock import FileLock, LockHeldError
from ste_graph.memory.vectors.snapshot import SNAPSHOT, snapshot_ids


def run_mark(folder: Path) -> str:
    """The name by which a run's entries are known in an index, kept in the folder of its memory; random at first.

    Raises `OSError`, or `RunError` if it cannot be written.
    """
    file = folder / "run.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps({"run": uuid4().hex}))
    return str(json.loads(file.read_text(encoding="utf-8"))["run"])


class SharedIndex:
    """Tells a run's own entries in a shared index from those that there were when it began.

    Two processes that write to one Chroma folder lose vectors without a word, so that an index in a folder is held for
    this run alone and a second one is refused; a server (`index` is None) sees to it by itself. What tells the runs
    apart is kept in the run's folder, and goes on with it.

    Raises:
        WorkflowError: another run holds the index now.
        RunError: a folder cannot be used.
    """

    def __init__(self, name: str, folder: Path, index: Path | None) -> None:
        self._lock: FileLock | None = None
        self._snapshot = folder / SNAPSHOT
        try:
            if index is not None:
                index.mkdir(parents=True, exist_ok=True)
                self._lock = self._acquire(name, index)
            self.run = run_mark(folder)
        except OSError as error:
            raise RunError(
                f"{error.filename or index}: memory `{name}` cannot be kept here ({error.strerror})"
            ) from error

    def snapshot(self, current_ids: Callable[[], Sequence[str]]) -> list[str]:
        """The ids of the other runs' entries when this one began; the first time those of `current_ids`."""
        return snapshot_ids(self._snapshot, current_ids)

    def leave(self) -> None:
        """Let other runs use the index."""
        if self._lock is not None:
            self._lock.release()

    def _acquire(self, name: str, index: Path) -> FileLock:
        lock = FileLock(index / ".writer")
        try:
            lock.acquire()
        except LockHeldError:
            raise WorkflowError(
                f"{index}: memory `{name}` is in use by another run; "
                "wait until it ends, or give the memory another `path`"
            ) from None
        return lock
