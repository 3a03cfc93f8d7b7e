"""Vectors in working memory."""

from __future__ import annotations

import numpy as np

from ste_graph.memory.vectors.similarity import Vectors

_LEAST = 64


class VectorTable:
    """Vectors, one per row, that are only added. Room grows by doubling, so that adding one at a time stays cheap."""

    def __init__(self) -> None:
        self._room: Vectors = np.empty((0, 0), dtype=np.float32)
        self._used = 0

    def __len__(self) -> int:
        return self._used

    @property
    def rows(self) -> Vectors:
        """The vectors, shape (rows, dimension): a view, valid until more are added."""
        return self._room[: self._used]

    def reserve(self, rows: int, dimension: int) -> None:
        """Make room for so many rows in all."""
        if rows > len(self._room):
            room = np.empty((rows, dimension), dtype=np.float32)
            if self._used:
                room[: self._used] = self.rows
            self._room = room

    def append(self, vectors: Vectors) -> None:
        """Add vectors, shape (new rows, dimension)."""
        needed = self._used + len(vectors)
        if needed > len(self._room):
            self.reserve(max(needed, 2 * self._used, _LEAST), vectors.shape[1])
        self._room[self._used : needed] = vectors
        self._used = needed
