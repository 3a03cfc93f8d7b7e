"""The embedder of a store of exemplars, and the vectors that the store accepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ste_graph.errors import RunError, SteError, WorkflowError
from ste_graph.memory.vectors.similarity import Vectors
from ste_graph.tracebacks import INTERRUPTS

if TYPE_CHECKING:
    from ste_graph.memory.vectors.embedders import Embedder

_NEARLY_ONE = 1e-4
"""The most by which the length of a unit vector may differ from one: rounding alone gives a thousandth of it."""


class StoreEmbedder:
    """The embedder given by the user, or else the one that the store was made with, found by its name when needed."""

    def __init__(self, place: str, given: Embedder | str | None) -> None:
        self._place = place
        self._given = given
        self.made_with: str | None = None
        """The name of the embedder of the store's vectors; None while it has no vectors."""

    @property
    def wanted(self) -> str | None:
        """The name of the embedder that was given; None if none was. Raises `WorkflowError` if it cannot be found."""
        if isinstance(self._given, str):
            from ste_graph.memory.vectors.embedders import embedder_for

            return embedder_for(self._given).name
        return None if self._given is None else self._given.name

    @property
    def name(self) -> str:
        """The name of the embedder. Raises `WorkflowError` if it cannot be found."""
        return self.find().name

    def find(self) -> Embedder:
        """The embedder. Raises `WorkflowError` if it cannot be found."""
        if self._given is None or isinstance(self._given, str):
            from ste_graph.memory.vectors.embedders import find_store_embedder

            self._given = find_store_embedder(self._place, self._given or self.made_with)
        return self._given

    def embed(self, texts: Sequence[str], dimension: int | None) -> Vectors:
        """Unit vectors, one row per text; of a text with halves of characters, with `?` for each. Raises `SteError`."""
        if not texts:
            return np.empty((0, 0), dtype=np.float32)
        from ste_graph.memory.vectors.embedders import embed_blocking

        embedder = self.find()
        try:
            vectors = embed_blocking(embedder, [text.encode("utf-8", "replace").decode() for text in texts])
        except (SteError, *INTERRUPTS):
            raise
        except BaseException as error:
            raise RunError(
                f"{self._place}: embedding with {embedder.name} failed ({type(error).__name__}: {error})"
            ) from error
        return self.check(vectors, dimension)

    def check(self, vectors: Vectors, dimension: int | None) -> Vectors:
        """The vectors at length one. Raises `WorkflowError` if they are not such as the store holds."""
        vectors = np.asarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or (dimension is not None and vectors.shape[1] != dimension):
            raise WorkflowError(
                f"{self._place}: vectors of shape {vectors.shape} do not fit; expected rows of {dimension} numbers. "
                f"Use the embedder that the store was made with ({self.made_with}), or make the index again: "
                f"ste memory rebuild --from {self._place}"
            )
        if not np.isfinite(vectors).all():
            row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
            raise WorkflowError(
                f"{self._place}: vector {row} is not finite (NaN or infinite); nothing was added or searched"
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if (np.abs(lengths - 1) < _NEARLY_ONE).all():
            return vectors
        scaled: Vectors = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return scaled


def check_count(vectors: Vectors, count: int) -> Vectors:
    """The vectors given for exemplars. Raises `WorkflowError` if there are not as many as exemplars."""
    if len(vectors) != count:
        raise WorkflowError(f"{count} exemplars need as many vectors, got {len(vectors)}")
    return vectors
