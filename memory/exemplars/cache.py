"""What an exemplar store holds, in step with its log, its index and what other processes write."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Self

import numpy as np

from ste_graph.errors import RunError, SteError, WorkflowError
from ste_graph.memory.exemplars.exemplar import Exemplar, line_of
from ste_graph.memory.exemplars.folder import WAIT_S, BusyError, StoreFolder
from ste_graph.memory.exemplars.log import ExemplarLog, Row, row_of
from ste_graph.memory.exemplars.vector_index import Ranking
from ste_graph.memory.vectors.collection import VectorCollection, remove
from ste_graph.memory.vectors.embedders import Embedder, embed_blocking, find_store_embedder
from ste_graph.memory.vectors.similarity import Vectors

BATCH = 1024
"""Exemplars embedded and written in one go."""

_UNTOUCHED = "untouched"

_NEARLY_ONE = 1e-4
"""By so much the length of a vector may differ from one: rounding alone gives a thousandth of it."""

_log = logging.getLogger("ste_graph.memory")


class Holdings:
    """The rows and vectors of a store in working memory, and who may read and write them when.

    Before anything is read, what others have written is caught up with. Any number of threads and processes may come:
    one writes at a time, the others wait.
    """

    def __init__(self, folder: StoreFolder | None, chroma: VectorCollection, embedder: Embedder | str | None) -> None:
        self._folder = folder
        self._log = ExemplarLog(folder.log) if folder else None
        self._chroma = chroma
        self._given = embedder
        self._rows: dict[str, Row] = {}
        self._ranking: Ranking | None = None
        self._seen: object = None
        self._sets: dict[frozenset[str], frozenset[str]] = {}
        self._frozen = False
        self._partial = False
        """Whether rows were left out because the index could not be made to hold them."""
        self.wait_s = WAIT_S

    def __len__(self) -> int:
        with self._current():
            return len(self._rows)

    @property
    def ids(self) -> list[str]:
        """The ids of all exemplars, sorted."""
        with self._current():
            return sorted(self._rows)

    @property
    def digests(self) -> list[str]:
        """A hash of each exemplar, in the order of the ids."""
        with self._current():
            return [self._rows[id].digest for id in sorted(self._rows)]

    def freeze(self, ids: Iterable[str]) -> None:
        """From now on hold only what is there now, and of that only these; nothing can be changed any more."""
        with self._current():
            self._rows = {id: self._rows[id] for id in ids if id in self._rows}
            self._ranking = None
            with self._folder.held(self.wait_s) if self._folder else nullcontext():
                self._load()
            self._frozen = True

    @property
    def tools(self) -> list[str]:
        """The tools that it has exemplars of, sorted."""
        with self._current():
            return sorted({row.tool for row in self._rows.values()})

    def exemplars(self) -> list[Exemplar]:
        """All exemplars, in the order in which they came."""
        with self._current():
            return [exemplar for exemplar in self._read_all() if exemplar.id in self._rows]

    def mend(self) -> None:
        """Make the index hold what the log holds, or raise `RunError`. Opening does so too, where there is room."""
        with self._writing():
            pass

    def close(self) -> None:
        """Let go of the files."""
        with self._chroma.lock:
            self._chroma.close()
            self._ranking = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Within

    def _made(self, exemplars: Sequence[Exemplar]) -> Vectors:
        """The vectors of exemplars whose requests are not in the index."""
        if not exemplars:
            return np.empty((0, 0), dtype=np.float32)
        return self._checked(self._embedded([one.query for one in exemplars]))

    def _put(self, exemplars: Sequence[Exemplar], vectors: Vectors) -> None:
        self._chroma.put(
            [one.id for one in exemplars],
            vectors,
            [one.query for one in exemplars],
            [_metadata(one) for one in exemplars],
            self._embedder().name,
        )

    @contextmanager
    def _current(self, *, vectors: bool = False) -> Iterator[None]:
        """With rows (and vectors) as they are now in log and index."""
        with self._chroma.lock:
            if self._frozen:
                pass
            elif self._folder is None:
                self._catch_up()
                if vectors:
                    self._load()
            elif self._seen != (self._folder.stamp or _UNTOUCHED) or (vectors and not self._loaded):
                try:
                    with self._folder.held(self.wait_s):
                        self._catch_up()
                        if vectors:
                            self._load()
                except BusyError:
                    if self._seen is None or (vectors and self._ranking is None):
                        raise
                    _log.warning("%s: is being written; going on with what was read before", self._folder.path)
            yield

    @property
    def _loaded(self) -> bool:
        """Whether every row's vector is in working memory."""
        return self._ranking is not None and len(self._ranking) >= len(self._rows)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Alone with the store, everything caught up with; what others must know is said at the end."""
        if self._frozen:
            raise RunError(f"{self._place}: is read as it stood; open it anew to change it")
        with self._chroma.lock:
            if self._folder is None:
                self._catch_up()
                yield
                # A server lets others write meanwhile: then what they wrote is still to be read.
                self._chroma.refresh()
                alone = (self._chroma.mark or "") == self._seen
                self._chroma.sign(os.urandom(8).hex())
                if alone and self._chroma.count() == len(self._rows):
                    self._seen = self._chroma.mark
                return
            with self._folder.held(self.wait_s):
                self._catch_up(whole=True)
                self._folder.begin()
                try:
                    yield
                except BaseException:
                    self._seen = None
                    raise
                self._chroma.seen = self._folder.finish()
                if self._ranking is not None:
                    self._load()
                self._seen = self._folder.stamp

    def _catch_up(self, *, whole: bool = False) -> None:
        """Read what other processes wrote; alone with the store.

        Where the index lacks what is in the log and cannot be made whole, as on a full disk, what it has is gone on
        with, unless it must be `whole`.
        """
        if self._folder is None or self._log is None:
            self._chroma.refresh()
            if self._seen is None or self._chroma.mark != self._seen:
                self._rebuild_rows()
                self._seen = self._chroma.mark or ""
            return
        first = self._seen is None
        if self._chroma.seen != self._folder.generation:
            self._chroma.open()
            self._chroma.seen = self._folder.generation
        begun = self._folder.begun
        if self._log.replaced or (self._partial and not begun):
            self._rebuild_rows()
        else:
            self._take_rows(self._log.new_rows())
        behind = begun or (first and self._chroma.count() != len(self._rows))
        if behind and (whole or first or not self._partial):
            try:
                self._reconcile()
                self._chroma.seen = self._folder.finish()
            except RunError as error:
                if whole:
                    raise
                self._leave_out(error)
        self._seen = self._folder.stamp or _UNTOUCHED

    def _leave_out(self, error: RunError) -> None:
        """Go on with what the index has of the log."""
        there = {id: said.get("digest") for id, said in self._chroma.rows()}
        kept = {id: row for id, row in self._rows.items() if there.get(id) == row.digest}
        _log.warning("%s (going on without %d exemplars)", error, len(self._rows) - len(kept))
        self._rows, self._partial = kept, True

    def _reconcile(self) -> None:
        """Make the index hold exactly what the log holds."""
        if self._partial:
            self._rebuild_rows()
        there = dict(self._chroma.rows())
        extra = sorted(there.keys() - self._rows.keys())
        if extra:
            self._chroma.drop(extra)
        missing = [one for one in self._read_all() if there.get(one.id, {}).get("digest") != one.digest]
        for start in range(0, len(missing), BATCH):
            some = missing[start : start + BATCH]
            self._put(some, self._made(some))
        self._ranking = None

    def _wipe(self, ids: Sequence[str]) -> None:
        """Take rows out of the index. Chroma's files keep what was deleted, so that a folder's are made anew."""
        if self._folder is None:
            self._chroma.drop(ids)
            return
        left = self._read_all()
        vectors = self._chroma.vectors([one.id for one in left])
        remove(self._folder.index)
        self._chroma.open()
        for start in range(0, len(left), BATCH):
            some = [one for one in left[start : start + BATCH] if one.id in vectors]
            if some:
                self._put(some, np.array([vectors[one.id] for one in some]))

    def _rebuild_rows(self) -> None:
        self._rows.clear()
        self._partial = False
        self._ranking = None
        if self._log is not None:
            self._log.rewind()
            self._take_rows(self._log.new_rows())
        else:
            self._take_rows([row_of(one, self._sets) for one in self._read_all()])

    def _take_rows(self, rows: Iterable[Row]) -> None:
        for row in rows:
            before = self._rows.get(row.id)
            self._rows[row.id] = row
            if before is not None and self._ranking is not None and row.id in self._ranking:
                if (before.text, before.tool, before.tools) == (row.text, row.tool, row.tools):
                    self._ranking.replace(row)
                else:
                    self._ranking = None

    def _load(self) -> None:
        """Get the vectors that are not in working memory from Chroma; alone with the store."""
        ranking = self._ranking or Ranking()
        missing = [row for id, row in self._rows.items() if id not in ranking]
        if missing:
            missing.sort(key=lambda row: row.tool)
            ranking.reserve(len(self._rows), self._chroma.dimension or 0)
        for start in range(0, len(missing), BATCH):
            some = missing[start : start + BATCH]
            vectors = self._chroma.vectors([row.id for row in some])
            there = [row for row in some if row.id in vectors]
            if there:
                ranking.add(there, np.array([vectors[row.id] for row in there], dtype=np.float32))
        self._ranking = ranking

    def _read_all(self) -> list[Exemplar]:
        if self._log is not None:
            return list(self._log.exemplars())
        return [Exemplar.model_validate_json(str(said["record"])) for _, said in self._chroma.rows()]

    def _embedder(self) -> Embedder:
        if self._given is None or isinstance(self._given, str):
            self._given = find_store_embedder(self._place, self._given or self._chroma.embedder)
        return self._given

    def _embedded(self, texts: Sequence[str]) -> Vectors:
        embedder = self._embedder()
        try:
            return embed_blocking(embedder, [text.encode("utf-8", "replace").decode() for text in texts])
        except SteError:
            raise
        except Exception as error:
            raise RunError(
                f"{self._place}: embedding with {embedder.name} failed ({type(error).__name__}: {error})"
            ) from error

    def _checked(self, vectors: Vectors) -> Vectors:
        """The vectors at length one, if they are such as the store holds."""
        vectors = np.asarray(vectors, dtype=np.float32)
        size = self._chroma.dimension
        if vectors.ndim != 2 or (size is not None and vectors.shape[1] != size):
            raise WorkflowError(
                f"{self._place}: vectors of shape {vectors.shape} do not fit; expected rows of {size} numbers. "
                f"Use the embedder that the store was made with ({self._chroma.embedder}), or make the index again: "
                f"ste memory rebuild {self._place}"
            )
        if not np.isfinite(vectors).all():
            row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
            raise WorkflowError(
                f"{self._place}: vector {row} is not finite (NaN or infinite); nothing was added or sought"
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if (np.abs(lengths - 1) < _NEARLY_ONE).all():
            return vectors
        scaled: Vectors = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return scaled

    @property
    def _place(self) -> str:
        return str(self._folder.path) if self._folder else str(self._chroma.where)


def _metadata(exemplar: Exemplar) -> Mapping[str, Any]:
    return {
        "tool": exemplar.tool,
        "run": exemplar.run or "",
        "stale": exemplar.stale,
        "verified": " ".join(exemplar.verified),
        "digest": exemplar.digest,
        "record": line_of(exemplar),
    }
