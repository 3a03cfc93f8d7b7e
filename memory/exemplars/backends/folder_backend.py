"""A store of exemplars in a folder: its log is the truth, and a Chroma index next to it holds the vectors."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

from ste_graph.errors import RunError, SteError
from ste_graph.memory.batches import slices
from ste_graph.memory.exemplars.backends.backend import BATCH, Changes
from ste_graph.memory.exemplars.backends.folder import WAIT_S, StoreFolder
from ste_graph.memory.exemplars.backends.log import ExemplarLog, ExemplarRow, RowMaker
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.search.chroma_rows import COLLECTION, add_exemplars, read_exemplar
from ste_graph.memory.exemplars.search.embedder import StoreEmbedder
from ste_graph.memory.vectors.chroma_client import Wording
from ste_graph.memory.vectors.collection import VectorCollection
from ste_graph.memory.vectors.shared_collections import SharedCollections
from ste_graph.memory.vectors.similarity import Vectors
from ste_graph.memory.vectors.vector_store import VectorRow

MOST_RECENT = 4_000
"""The exemplars that are held in memory, of some kilobytes each."""
_UNTOUCHED = "untouched"
_log = logging.getLogger("ste_graph.memory")
_collections = SharedCollections()


class FolderBackend:
    """Any number of threads and processes may come: one writes at a time, the others wait.

    Raises:
        WorkflowError: the index was made for another embedder, metric or layout.
        RunError: the folder cannot be used.
    """

    keeps_vectors = True
    pack_lessons = None

    def __init__(self, folder: StoreFolder, embedder: StoreEmbedder) -> None:
        self.place = str(folder.path)
        self.rows: dict[str, ExemplarRow] = {}
        self._folder = folder
        self._embedder = embedder
        self._log = ExemplarLog(folder.log)
        self._make_row = RowMaker()
        self._recent: dict[tuple[str, str], VectorRow] = {}
        """Rows that were read, by id and digest: the requests of a test share many."""
        self._partial = False
        """True while rows are left out because the index could not be made to hold them."""
        self._read_at: object = None
        """The stamp of the folder when it was last read; None before that."""
        with folder.hold(WAIT_S):
            self._index = open_index(folder, embedder.wanted)
        self.lock = self._index.lock
        embedder.made_with = self._index.embedder

    @property
    def dimension(self) -> int | None:
        return self._index.dimension

    def is_current(self) -> bool:
        return self._read_at == (self._folder.stamp or _UNTOUCHED)

    def reading(self, wait_s: float) -> AbstractContextManager[None]:
        return self._folder.hold(wait_s)

    @contextmanager
    def writing(self, wait_s: float) -> Iterator[Changes]:
        with self._folder.hold(wait_s):
            changes = self._catch_up(whole=True)
            self._folder.begin_write()
            try:
                yield changes
            except BaseException:
                self._read_at = None
                raise
            self._index.generation = self._folder.finish_write()
            self._read_at = self._folder.stamp

    def catch_up(self) -> Changes:
        return self._catch_up(whole=False)

    def exemplars(self) -> list[Exemplar]:
        return self._log.exemplars()

    def get(self, ids: Sequence[str]) -> dict[str, Exemplar]:
        keys = {id: (id, self.rows[id].digest) for id in ids if id in self.rows}
        missing = [id for id, key in keys.items() if key not in self._recent]
        if len(self._recent) + len(missing) > MOST_RECENT:
            self._recent.clear()
            missing = list(keys)
        if missing:
            self._recent |= {keys[id]: row for id, row in self._index.get(missing, texts=False).items()}
        return {id: read_exemplar(self._recent[key]) for id, key in keys.items() if key in self._recent}

    def get_vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        return self._index.get_vectors(ids)

    def put(self, exemplars: Sequence[Exemplar], vectors: Mapping[str, Vectors]) -> Changes:
        self._log.append(exemplars)
        self._put_into_index(exemplars, vectors)
        return self._add_rows(self._log.read_new())

    def remove(self, ids: Sequence[str]) -> None:
        self._folder.forget(ids)
        self._log.remove({*ids})
        # Chroma's files keep what was deleted, so that they are made anew.
        left = self.exemplars()
        vectors = self._index.get_vectors([exemplar.id for exemplar in left])
        _collections.remove(self._folder.index)
        self._index.open()
        indexed = [exemplar for exemplar in left if exemplar.id in vectors]
        for part in slices(len(indexed), BATCH):
            self._put_into_index(indexed[part], vectors)
        self._reread()

    def forgotten_ids(self) -> set[str]:
        return self._folder.forgotten_ids()

    def find_differences(self) -> list[str]:
        return [*self._log.damaged, *compare_rows(self.rows, self._index.get(texts=False))]

    def close(self) -> None:
        _collections.close(self._index)

    def _catch_up(self, *, whole: bool) -> Changes:
        """Read what others wrote, and make the index whole.

        If that is impossible, as on a full disk, go on with what the index has, unless it must be `whole`.
        """
        first = self._read_at is None
        if self._index.generation != self._folder.generation:
            self._index.open()
            self._index.generation = self._folder.generation
        unfinished = self._folder.has_unfinished_write
        if self._log.is_replaced or (self._partial and not unfinished):
            self._reread()
            changes: Changes = None
        else:
            changes = self._add_rows(self._log.read_new())
        is_behind = unfinished or (first and len(self._index) != len(self.rows))
        if is_behind and (whole or first or not self._partial):
            changes = None
            try:
                self._reconcile()
                self._index.generation = self._folder.finish_write()
            except RunError as error:
                if whole:
                    raise
                self._leave_out(error)
        self._read_at = self._folder.stamp or _UNTOUCHED
        return changes

    def _reconcile(self) -> None:
        """Make the index hold exactly what the log holds."""
        if self._partial:
            self._reread()
        there = self._index.get(texts=False)
        self._index.delete(sorted(there.keys() - self.rows.keys()))
        digests = {id: row.metadata.get("digest") for id, row in there.items()}
        missing = [exemplar for exemplar in self.exemplars() if digests.get(exemplar.id) != exemplar.digest]
        for part in slices(len(missing), BATCH):
            some = missing[part]
            vectors = self._embedder.embed([exemplar.query for exemplar in some], self.dimension)
            self._put_into_index(some, dict(zip((exemplar.id for exemplar in some), vectors, strict=True)))

    def _leave_out(self, error: RunError) -> None:
        """Go on with what the index has of the log."""
        digests = {id: row.metadata.get("digest") for id, row in self._index.get(texts=False).items()}
        kept = {id: row for id, row in self.rows.items() if digests.get(id) == row.digest}
        _log.warning("%s (going on without %d exemplars)", error, len(self.rows) - len(kept))
        self.rows, self._partial = kept, True

    def _put_into_index(self, exemplars: Sequence[Exemplar], vectors: Mapping[str, Vectors]) -> None:
        add_exemplars(self._index, exemplars, vectors, self._embedder.name)
        self._embedder.made_with = self._index.embedder

    def _reread(self) -> None:
        self.rows.clear()
        self._partial = False
        self._log.rewind()
        self._add_rows(self._log.read_new())

    def _add_rows(self, exemplars: Iterable[Exemplar]) -> list[ExemplarRow]:
        rows = [self._make_row(exemplar) for exemplar in exemplars]
        self.rows.update((row.id, row) for row in rows)
        return rows


def open_index(folder: StoreFolder, embedder: str | None) -> VectorCollection:
    """The index of a store, shared by all who use it in this process; each closes its own backend."""
    rebuild = f"ake the index again from the log: ste memory rebuild --from {folder.path}"
    fault = f"Nothing acknowledged is lost: make room if the disk is full, or else m{rebuild}"
    wording = Wording(str(folder.index), fault, f"M{rebuild}")
    return _collections.open(folder.index, COLLECTION, wording, embedder)


def read_embedder(folder: StoreFolder) -> str | None:
    """The name of the embedder that a store was made with; None if there is no index, or it cannot be read."""
    if folder.index.is_dir():
        with suppress(SteError):
            index = open_index(folder, None)
            try:
                return index.embedder
            finally:
                _collections.close(index)
    return None


def remove_index(folder: StoreFolder) -> None:
    """Remove the index of a store, damaged or not. Raises `RunError`."""
    _collections.remove(folder.index)


def compare_rows(log: Mapping[str, ExemplarRow], index: Mapping[str, VectorRow]) -> list[str]:
    """The differences between the rows of a log and those of an index, in words."""
    differences = []
    for id, row in sorted(log.items()):
        if id not in index:
            differences.append(f"{id} (tool {row.tool}) is in the log but not in the index")
        elif index[id].metadata.get("digest") != row.digest:
            differences.append(f"{id} (tool {row.tool}) differs between log and index")
    return differences + [f"{id} is in the index but not in the log" for id in sorted(index.keys() - log.keys())]


def compare_folder(folder: StoreFolder) -> tuple[int, list[str]]:
    """The number of exemplars in a store's log, and how log and index differ. Nothing is changed."""
    with folder.hold(WAIT_S):
        log = ExemplarLog(folder.log)
        make_row = RowMaker()
        rows = {exemplar.id: make_row(exemplar) for exemplar in log.read_new()}
        if not folder.index.is_dir():
            return len(rows), [*log.damaged, *compare_rows(rows, {})]
        index = open_index(folder, None)
        try:
            index.open()  # again, since a client does not see what another process has written
            return len(rows), [*log.damaged, *compare_rows(rows, index.get(texts=False))]
        finally:
            _collections.close(index)
