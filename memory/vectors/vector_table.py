"""The entries of one scope in working memory."""

from __future__ import annotations

import numpy as np

from ste_graph.contracts import Entry
from ste_graph.memory.vectors.similarity import Vectors


class Shelf:
    """Entries in order of adding, and the vectors of the first of them: of as many as were needed so far."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._vectors: Vectors = np.empty((0, 0), dtype=np.float32)
        self._filled = 0

    @property
    def vectors(self) -> Vectors:
        """One row per entry, as far as they are known."""
        return self._vectors[: self._filled]

    @property
    def unknown(self) -> list[Entry]:
        """The entries without a vector."""
        return self.entries[self._filled :]

    def fill(self, vectors: Vectors) -> None:
        """Give the next entries their vectors. Room grows by doubling, so that adding one at a time stays cheap."""
        needed = self._filled + len(vectors)
        if needed > len(self._vectors):
            room = np.empty((max(needed, 2 * self._filled, 64), vectors.shape[1]), dtype=np.float32)
            room[: self._filled] = self._vectors[: self._filled] if self._filled else 0
            self._vectors = room
        self._vectors[self._filled : needed] = vectors
        self._filled = needed
