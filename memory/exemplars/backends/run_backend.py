"""The exemplars of a run, read from its journal. Reading writes nothing into the run."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from ste_graph.errors import WorkflowError
from ste_graph.files.atomic import write_error
from ste_graph.finished import open_run
from ste_graph.memory.exemplars.backends.backend import Changes
from ste_graph.memory.exemplars.backends.cached_vectors import CachedVectors
from ste_graph.memory.exemplars.backends.log import ExemplarLog, ExemplarRow, RowMaker, text_hash
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.search.embedder import StoreEmbedder
from ste_graph.memory.exemplars.source import changes_folder
from ste_graph.memory.vectors.similarity import Vectors
from ste_graph.run.folder import RunFolder

_log = logging.getLogger("ste_graph.memory")


class RunBackend:
    """The exemplars of a run's journal as it was when opened, with what was added, changed and forgotten since.

    Vectors are computed when they are first asked for, and kept in the user's cache; with `recompute`, what the cache
    has is not used.

    Raises `WorkflowError` if the folder is not that of a run.
    """

    keeps_vectors = False
    pack_lessons = None

    def __init__(self, run: Path, embedder: StoreEmbedder, *, recompute: bool = False) -> None:
        opened = open_run(run)
        self.place = str(run)
        self.lock = RLock()
        self.rows: dict[str, ExemplarRow] = {}
        self._run = run
        self._run_id = opened.id
        self._folder = changes_folder(run)
        self._changes = ExemplarLog(self._folder.log)
        self._journal = Exemplar.from_run(opened)
        self._exemplars: dict[str, Exemplar] = {}
        self._make_row = RowMaker()
        self._read_at: object = None
        self._vectors = CachedVectors(self._run_id, embedder, recompute=recompute)

    @property
    def dimension(self) -> int | None:
        return self._vectors.dimension

    def is_current(self) -> bool:
        return self._read_at == self._stamp()

    @contextmanager
    def reading(self, wait_s: float) -> Iterator[None]:
        try:
            yield
        finally:
            self._vectors.save()

    @contextmanager
    def writing(self, wait_s: float) -> Iterator[Changes]:
        self._folder.create()
        with self._folder.hold(wait_s):
            yield self.catch_up()
            self._read_at = self._stamp()
            self._vectors.save()

    def catch_up(self) -> Changes:
        stamp = self._stamp()
        if self._read_at == stamp:
            return ()
        self._reread()
        self._read_at = stamp
        return None

    def exemplars(self) -> list[Exemplar]:
        return list(self._exemplars.values())

    def get(self, ids: Sequence[str]) -> dict[str, Exemplar]:
        return {id: self._exemplars[id] for id in ids if id in self._exemplars}

    def get_vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        known = [id for id in ids if id in self._exemplars]
        return dict(zip(known, self._vectors.get([self._exemplars[id].query for id in known]), strict=True))

    def put(self, exemplars: Sequence[Exemplar], vectors: Mapping[str, Vectors]) -> Changes:
        self._changes.append(exemplars)
        if embedded := [exemplar for exemplar in exemplars if exemplar.id in vectors]:
            self._vectors.put([new.query for new in embedded], [vectors[new.id] for new in embedded])
        return self._add(list(self._changes.read_new()))

    def remove(self, ids: Sequence[str]) -> None:
        gone = {text_hash(exemplar.query): exemplar.query for exemplar in self.get(ids).values()}
        self._folder.forget(ids)
        self._changes.remove({*ids})
        self._reread()
        left = {row.text for row in self.rows.values()}
        self._vectors.remove(text for hash, text in gone.items() if hash not in left)
        self._remove_memory_indexes()

    def forgotten_ids(self) -> set[str]:
        return self._folder.forgotten_ids()

    def find_differences(self) -> list[str]:
        return list(self._changes.damaged)

    def close(self) -> None: ...

    def _stamp(self) -> tuple[object, ...]:
        return tuple(map(_status, (self._folder.log, self._folder.forgotten_file)))

    def _reread(self) -> None:
        forgotten = self._folder.forgotten_ids()
        self._exemplars.clear()
        self.rows.clear()
        self._changes.rewind()
        self._add([exemplar for exemplar in self._journal if exemplar.id not in forgotten])
        self._add(list(self._changes.read_new()))

    def _add(self, exemplars: Sequence[Exemplar]) -> list[ExemplarRow]:
        rows = [self._make_row(exemplar) for exemplar in exemplars]
        self._exemplars.update((exemplar.id, exemplar) for exemplar in exemplars)
        self.rows.update((row.id, row) for row in rows)
        return rows

    def _remove_memory_indexes(self) -> None:
        """Remove the indexes of the run's own memories, which it makes again from its step logs if it goes on.

        They stay, with a warning, while the run is in progress. Raises `RunError`.
        """
        run = RunFolder(self._run)
        try:
            run.acquire()
        except WorkflowError as error:
            _log.warning("the indexes of the run's own memories still hold what was forgotten: %s", error)
            return
        try:
            for database in self._run.glob("memory/*/chroma.sqlite3*"):
                database.unlink()
            for header in self._run.glob("memory/*/*/header.bin"):
                shutil.rmtree(header.parent)
        except OSError as error:
            raise write_error(Path(error.filename or self._run), error) from error
        finally:
            run.release()


def _status(file: Path) -> tuple[int, int, int] | None:
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
