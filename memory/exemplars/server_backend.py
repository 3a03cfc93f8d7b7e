"""A store of exemplars on a Chroma server, which holds both the exemplars and their vectors."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from ste_graph.addresses import find_address_fault
from ste_graph.errors import WorkflowError
from ste_graph.memory.exemplars.backend import Changes
from ste_graph.memory.exemplars.chroma_rows import COLLECTION, add_exemplars, read_exemplar
from ste_graph.memory.exemplars.embedder import StoreEmbedder
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.log import ExemplarRow, RowMaker
from ste_graph.memory.vectors.collection import VectorCollection, Wording
from ste_graph.memory.vectors.similarity import Vectors

_ADVICE = "Start the server (`chroma run`), or give its address as http://HOST:PORT"
_MISFIT = "Use that one, or a new server: `ste memory export`, then `ste memory import`"


class ServerBackend:
    """A server lets all write at once; a mark that each writer leaves tells the others to read again.

    Raises:
        WorkflowError: the address is none, or the collection was made for another embedder, metric or layout.
        RunError: the server cannot be used.
    """

    keeps_vectors = True
    pack_lessons = None

    def __init__(self, address: str, embedder: StoreEmbedder) -> None:
        if fault := find_address_fault(address):
            raise WorkflowError(f"{address}: not a web address: {fault}; expected one such as http://localhost:8000")
        self.place = address
        self.rows: dict[str, ExemplarRow] = {}
        self._embedder = embedder
        self._make_row = RowMaker()
        self._read_at: str | None = None
        """The mark of the last writer when the server was last read; None before that."""
        self._index = VectorCollection(address, COLLECTION, Wording(address, _ADVICE, _MISFIT), embedder.wanted)
        self.lock = self._index.lock
        embedder.made_with = self._index.embedder

    @property
    def dimension(self) -> int | None:
        return self._index.dimension

    def is_current(self) -> bool:
        return False

    def reading(self, wait_s: float) -> AbstractContextManager[None]:
        return nullcontext()

    @contextmanager
    def writing(self, wait_s: float) -> Iterator[Changes]:
        yield self.catch_up()
        self._index.refresh()
        alone = (self._index.mark or "") == self._read_at
        self._index.sign(os.urandom(8).hex())
        # Otherwise another one wrote meanwhile, and that is still to be read.
        if alone and len(self._index) == len(self.rows):
            self._read_at = self._index.mark

    def catch_up(self) -> Changes:
        self._index.refresh()
        if self._read_at is not None and self._index.mark == (self._read_at or None):
            return ()
        self._reread()
        self._read_at = self._index.mark or ""
        self._embedder.made_with = self._index.embedder
        return None

    def exemplars(self) -> list[Exemplar]:
        return [read_exemplar(row) for row in self._index.get(texts=False).values()]

    def get(self, ids: Sequence[str]) -> dict[str, Exemplar]:
        return {id: read_exemplar(row) for id, row in self._index.get(ids, texts=False).items()}

    def get_vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        return self._index.get_vectors(ids)

    def put(self, exemplars: Sequence[Exemplar], vectors: Mapping[str, Vectors]) -> Changes:
        add_exemplars(self._index, exemplars, vectors, self._embedder.name)
        self._embedder.made_with = self._index.embedder
        rows = [self._make_row(exemplar) for exemplar in exemplars]
        self.rows.update((row.id, row) for row in rows)
        return rows

    def remove(self, ids: Sequence[str]) -> None:
        self._index.delete(ids)
        self._reread()

    def forgotten_ids(self) -> set[str]:
        return set()

    def find_differences(self) -> list[str]:
        return []

    def close(self) -> None:
        self._index.close()

    def _reread(self) -> None:
        self.rows = {exemplar.id: self._make_row(exemplar) for exemplar in self.exemplars()}
