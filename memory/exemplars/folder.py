"""The folder of an exemplar store: its files, who may write, and how others learn that something changed."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from uuid import uuid4

from ste_graph.errors import RunError, WorkflowError
from ste_graph.files.atomic import write_atomically, write_error
from ste_graph.files.lock import FileLock, LockHeldError
from ste_graph.finished import is_run
from ste_graph.run.folder import RunFolder

WAIT_S = 60.0
"""How long a process waits for another one that writes."""
_KEPT = "nothing acknowledged is lost"
_RETRY = "do it again, or choose another folder"

_log = logging.getLogger("ste_graph.memory")


class BusyError(RunError):
    """Another process kept the store to itself for too long."""


class StoreFolder:
    """Paths and small files of a store. The lock is the kernel's, so that it ends with the process that holds it."""

    def __init__(self, path: Path, run: Path | None = None) -> None:
        self.path = path
        self._run = run
        self.log = path / "exemplars.jsonl"
        self.index = path / "index"
        self._forgotten = path / "forgotten.json"
        self._generation = path / "generation"
        self._begun = path / ".indexing"
        self._depth = 0

    @classmethod
    def of(cls, path: Path) -> Self:
        """The store at `path`; that of a run lies in the run's folder."""
        return cls(path / "memory" / "exemplars", path) if is_run(path) else cls(path)

    def missing(self, path: Path) -> str:
        """What to say where `path` was given and no store is here."""
        return (
            f"{path}: is no store of exemplars and no run; expected a folder with {self.log.name}, "
            "or the folder of a run"
        )

    @property
    def exists(self) -> bool:
        """Whether a store is here."""
        return self.log.is_file()

    def create(self) -> None:
        """Make an empty store, if there is none. Raises `RunError`."""
        with self._usable():
            self.path.mkdir(parents=True, exist_ok=True)
            self.log.touch()

    @property
    def stamp(self) -> tuple[int, int] | None:
        """Differs whenever anything was written since; cheap to look at."""
        try:
            there = self._generation.stat()
        except OSError:
            return None
        return there.st_ino, there.st_mtime_ns

    @property
    def generation(self) -> str | None:
        """The name of the last state that was written whole."""
        try:
            return self._generation.read_text("utf-8")
        except OSError:
            return None

    @property
    def begun(self) -> bool:
        """Whether a write began and did not end: log and index may differ."""
        return self._begun.exists()

    def begin(self) -> None:
        """Note that a write begins."""
        with self._usable():
            self._begun.touch()

    def finish(self) -> str:
        """Note that log and index agree again; gives the name of the new state."""
        name = uuid4().hex
        with self._usable():
            write_atomically(self._generation, name, kept=_KEPT, retry=_RETRY)
            self._begun.unlink(missing_ok=True)
        return name

    def forgotten(self) -> set[str]:
        """Ids that are never again to be taken from a run."""
        try:
            return set(json.loads(self._forgotten.read_text("utf-8")))
        except FileNotFoundError:
            return set()
        except (OSError, ValueError) as error:
            raise WorkflowError(f"{self._forgotten}: is damaged ({error}); expected a list of ids") from error

    def forget(self, ids: Iterable[str]) -> None:
        """Never again take these from a run."""
        write_atomically(self._forgotten, json.dumps(sorted(self.forgotten() | set(ids))), kept=_KEPT, retry=_RETRY)

    def drop_memories(self) -> None:
        """Remove the indexes of the run's own memories, which it makes again from its step logs if it goes on.

        They stay, with a warning, while the run is in progress. Raises `RunError`.
        """
        if self._run is None:
            return
        run = RunFolder(self._run)
        try:
            run.acquire()
        except WorkflowError as error:
            _log.warning("the indexes of the run's own memories still hold what was forgotten: %s", error)
            return
        try:
            with self._usable():
                for database in self._run.glob("memory/*/chroma.sqlite3*"):
                    database.unlink()
                for vectors in self._run.glob("memory/*/*/header.bin"):
                    shutil.rmtree(vectors.parent)
        finally:
            run.release()

    @contextmanager
    def held(self, wait_s: float) -> Iterator[None]:
        """Be the only process that reads or writes the index. Raises `RunError` after waiting in vain."""
        if self._depth:
            yield
            return
        with self._usable():
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
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise write_error(Path(error.filename or self.path), error, kept=_KEPT, retry=_RETRY) from error
