"""The rows and vectors of an exemplar store in working memory, in step with what others write."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from ste_graph.errors import RunError
from ste_graph.memory.batches import slices
from ste_graph.memory.exemplars.backends.backend import BATCH, Backend, Changes
from ste_graph.memory.exemplars.backends.folder import WAIT_S, BusyError
from ste_graph.memory.exemplars.backends.log import ExemplarRow, text_hash
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.lessons import lessons_from_exemplars
from ste_graph.memory.exemplars.search.embedder import StoreEmbedder
from ste_graph.memory.exemplars.search.searchable import Wanted
from ste_graph.memory.exemplars.search.vector_index import VectorIndex
from ste_graph.memory.exemplars.selection import ExemplarMatch
from ste_graph.memory.vectors.similarity import DECIMALS, Vectors
from ste_graph.trials.lessons import Lesson

_log = logging.getLogger("ste_graph.memory")


class ExemplarCache:
    """The content of a backend in working memory. What others have written is read before anything is looked up.

    Any number of threads may come: one reads or writes at a time, the others wait.
    """

    def __init__(self, backend: Backend, embedder: StoreEmbedder) -> None:
        self.place = backend.place
        self.backend = backend
        self.embedder = embedder
        self.wait_s = WAIT_S
        """Seconds to wait for another process that is writing."""
        self.version = 0
        """A number that grows whenever something may have changed."""
        self._index: VectorIndex | None = None
        self._frozen: dict[str, ExemplarRow] | None = None
        self._lessons: tuple[int, list[Lesson]] | None = None

    def __len__(self) -> int:
        with self.reading():
            return len(self._rows)

    def is_empty(self) -> bool:
        return not len(self)

    def ids(self) -> list[str]:
        with self.reading():
            return list(self._rows)

    def rows(self) -> Iterator[ExemplarRow]:
        with self.reading():
            return iter([*self._rows.values()])

    def tools(self) -> set[str]:
        with self.reading():
            return {row.tool for row in self._rows.values()}

    def exemplars(self, tool: str | None = None) -> Iterator[Exemplar]:
        with self.reading():
            return iter([
                exemplar
                for exemplar in self.backend.exemplars()
                if exemplar.id in self._rows and (tool is None or exemplar.tool == tool)
            ])  # fmt: skip

    def get(self, ids: Sequence[str]) -> dict[str, Exemplar]:
        with self.reading():
            return self.backend.get([id for id in dict.fromkeys(ids) if id in self._rows])

    def find_missing(self, ids: Iterable[str]) -> set[str]:
        with self.reading():
            return {*ids} - self._rows.keys() - self.backend.forgotten_ids()

    def search(self, vectors: Vectors, wanted: Wanted) -> list[list[ExemplarMatch]]:
        """Per unit vector the nearest exemplars, see `SearchableExemplars.search`: all are compared."""
        if self.is_empty():
            return [[] for _ in vectors]
        with self.reading(vectors=True):
            assert self._index is not None
            ranked = self._index.search(self.check(vectors), wanted)
            ids = dict.fromkeys(match.row.id for matches in ranked for match in matches)
            exemplars = self.backend.get(list(ids))
        return [
            [
                ExemplarMatch(similarity=round(match.similarity, DECIMALS), exemplar=exemplars[match.row.id])
                for match in matches
                if match.row.id in exemplars
            ]
            for matches in ranked
        ]

    def lessons(self, tools: Iterable[str] | None = None) -> list[Lesson]:
        """The lessons that the trials teach, drawn again when the store has changed; of a pack, those that it has."""
        with self.reading():
            lessons: Sequence[Lesson]
            if self.backend.pack_lessons is not None:
                lessons = self.backend.pack_lessons
            else:
                if self._lessons is None or self._lessons[0] != self.version:
                    self._lessons = self.version, lessons_from_exemplars(self.exemplars())
                lessons = self._lessons[1]
        wanted = None if tools is None else {*tools}
        return [lesson for lesson in lessons if wanted is None or lesson.tool in wanted]

    def find_differences(self) -> list[str]:
        with self.reading():
            return self.backend.find_differences()

    @property
    def _rows(self) -> Mapping[str, ExemplarRow]:
        """The rows by id; to be read within `reading` or `writing`."""
        return self.backend.rows if self._frozen is None else self._frozen

    @contextmanager
    def reading(self, *, vectors: bool = False) -> Iterator[None]:
        """With the rows, and if asked for the vectors, as they are now."""
        with self.backend.lock:
            if self._frozen is not None:
                if vectors and not self._is_loaded:
                    self._load()
            elif not self.backend.is_current() or (vectors and not self._is_loaded):
                try:
                    with self.backend.reading(self.wait_s):
                        self._apply(self.backend.catch_up())
                        if vectors:
                            self._load()
                except BusyError:
                    if self.version == 0 or (vectors and self._index is None):
                        raise
                    _log.warning("%s: is being written; going on with what was read before", self.place)
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Alone with the store, everything caught up with. Raises `RunError`."""
        if self._frozen is not None:
            raise RunError(f"{self.place}: is read as it was; open it again to change it")
        with self.backend.lock, self.backend.writing(self.wait_s) as changes:
            self._apply(changes)
            yield
            self.version += 1
            if self._index is not None:
                self._load()

    def rebuild(self) -> None:
        """Make the vectors complete, or raise `RunError`. Opening does so too, if there is room."""
        if self.backend.keeps_vectors:
            with self.writing():
                return
        with self.reading(vectors=True):
            return

    def freeze(self, ids: Iterable[str]) -> None:
        """From now on hold only what there is now, and of that only these; nothing can be changed any more."""
        with self.reading():
            self._frozen = {id: self._rows[id] for id in ids if id in self._rows}
            self._index = None
            if self.backend.keeps_vectors:  # others may change them later
                self._load()

    def forget(self, is_wanted: Callable[[Exemplar], bool]) -> int:
        """Remove exemplars for good; returns how many."""
        with self.writing():
            gone = [exemplar.id for exemplar in self.backend.exemplars() if is_wanted(exemplar)]
            if gone:
                self.backend.remove(gone)
                self._index = None
        return len(gone)

    def embed(self, texts: Sequence[str]) -> Vectors:
        return self.embedder.embed(texts, self.backend.dimension)

    def check(self, vectors: Vectors) -> Vectors:
        with self.reading():
            return self.embedder.check(vectors, self.backend.dimension)

    def close(self) -> None:
        """Let go of files and connections."""
        with self.backend.lock:
            self.backend.close()
            self._index = None

    def add(self, exemplars: Sequence[Exemplar], vectors: Vectors | None) -> int:
        with self.reading():
            new = [place for place, exemplar in enumerate(exemplars) if self._differs(exemplar)]
            unknown = [exemplars[place] for place in new if not self._has_text(exemplars[place])]
        if not new:
            return 0
        known: dict[str, Vectors] = {}
        if vectors is not None:
            known = {exemplars[place].id: vectors[place] for place in new}
        elif self.backend.keeps_vectors:  # embedded before the others have to wait
            known = self._embed_by_id(unknown)
        with self.writing():
            some = [exemplars[place] for place in new if self._differs(exemplars[place])]
            if some:
                if self.backend.keeps_vectors:
                    known |= self.backend.get_vectors([exemplar.id for exemplar in some if exemplar.id not in known])
                    known |= self._embed_by_id([exemplar for exemplar in some if exemplar.id not in known])
                self._apply(self.backend.put(some, known))
        return len(some)

    def _embed_by_id(self, exemplars: Sequence[Exemplar]) -> dict[str, Vectors]:
        vectors = self.embed([exemplar.query for exemplar in exemplars])
        return {exemplar.id: vector for exemplar, vector in zip(exemplars, vectors, strict=True)}

    def _has_text(self, exemplar: Exemplar) -> bool:
        """True if the exemplar's request is the one that its vector is of."""
        row = self._rows.get(exemplar.id)
        return row is not None and row.text == text_hash(exemplar.query)

    def _differs(self, exemplar: Exemplar) -> bool:
        row = self._rows.get(exemplar.id)
        return row is None or row.digest != exemplar.digest

    @property
    def _is_loaded(self) -> bool:
        return self._index is not None and len(self._index) >= len(self._rows)

    def _apply(self, changes: Changes) -> None:
        index = self._index
        if changes is None or (index is not None and not all(index.update(row) for row in changes)):
            self._index = None
        if changes is None or changes or self.version == 0:
            self.version += 1

    def _load(self) -> None:
        """Get the vectors that are not in working memory yet."""
        index = self._index or VectorIndex()
        missing = [row for id, row in self._rows.items() if id not in index]
        missing.sort(key=lambda row: row.tool)
        for part in slices(len(missing), BATCH):
            some = missing[part]
            vectors = self.backend.get_vectors([row.id for row in some])
            there = [row for row in some if row.id in vectors]
            if there:
                rows = np.array([vectors[row.id] for row in there], dtype=np.float32)
                index.reserve(len(self._rows), rows.shape[1])
                index.add(there, rows)
        self._index = index
