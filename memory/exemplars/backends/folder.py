"""The folder of an exemplar store: its files, who may write, and how others learn that something changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from ste_graph.errors import RunError, WorkflowError
from ste_graph.files.atomic import write_atomically, write_error
from ste_graph.files.lock import FileLock, LockHeldError
from ste_graph.files.regular import is_regular

WAIT_S = 60.0
"""Seconds that a process waits for another one that is writing."""
_KEPT = "nothing acknowledged is lost"
_RETRY = "do it again, or choose another folder"


class BusyError(RunError):
    """Another process kept the store to itself for too long."""


class StoreFolder:
    """Paths and small files of a store. The lock is the kernel's, so that it ends with the process that holds it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "exemplars.jsonl"
        self.index = path / "index"
        self.forgotten_file = path / "forgotten.json"
        self._generation = path / "generation"
        self._begun = path / ".indexing"
        self._depth = 0

    @property
    def exists(self) -> bool:
        """True if there is a store in the folder."""
        return is_regular(self.log)

    def create(self) -> None:
        """Makes an empty store, unless the folder already has one. Raises `RunError`."""
        with self._write_errors():
            self.path.mkdir(parents=True, exist_ok=True)
            self.log.touch()

    @property
    def stamp(self) -> tuple[int, int] | None:
        """A value that differs whenever something was written since; cheap to read."""
        try:
            status = self._generation.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    @property
    def generation(self) -> str | None:
        """The name of the last state that was written whole."""
        try:
            return self._generation.read_text("utf-8")
        except OSError:
            return None

    @property
    def has_unfinished_write(self) -> bool:
        """True if a write began and did not end: log and index may differ."""
        return self._begun.exists()

    def begin_write(self) -> None:
        """Note that a write begins."""
        with self._write_errors():
            self._begun.touch()

    def finish_write(self) -> str:
        """Note that log and index agree again; returns the name of the new state."""
        name = uuid4().hex
        with self._write_errors():
            write_atomically(self._generation, name, kept=_KEPT, retry=_RETRY)
            self._begun.unlink(missing_ok=True)
        return name

    def forgotten_ids(self) -> set[str]:
        """Ids that are never again to be imported from a run."""
        try:
            return set(json.loads(self.forgotten_file.read_text("utf-8")))
        except FileNotFoundError:
            return set()
        except (OSError, ValueError) as error:
            raise WorkflowError(f"{self.forgotten_file}: is damaged ({error}); expected a list of ids") from error

    def forget(self, ids: Iterable[str]) -> None:
        """Never again import these from a run."""
        content = json.dumps(sorted(self.forgotten_ids() | set(ids)))
        write_atomically(self.forgotten_file, content, kept=_KEPT, retry=_RETRY)

    @contextmanager
    def hold(self, wait_s: float) -> Iterator[None]:
        """Be the only process that reads or writes the index. Raises `RunError` after waiting in vain."""
        if self._depth:
            yield
            return
        lock = FileLock(self.path / ".writer")
        try:
            lock.acquire(wait_s=wait_s)
        except LockHeldError:
            raise BusyError(
                f"{self.path}: another process has been writing to this store for {wait_s:g} s; nothing was changed. "
                "Wait until it ends, then do it again"
            ) from None
        except OSError as error:
            raise RunError(
                f"{self.path}: cannot be used ({error.strerror}); a store's folder must be writable"
            ) from error
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            lock.release()

    @contextmanager
    def _write_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise write_error(Path(error.filename or self.path), error, kept=_KEPT, retry=_RETRY) from error
