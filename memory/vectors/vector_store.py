"""The contract of a store of vectors: unit vectors by id, each with a scope, a text and metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from ste_graph.contracts import Scope
from ste_graph.memory.vectors.similarity import Vectors

Metadata: TypeAlias = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class VectorRow:
    """A row of a vector store, without its vector."""

    id: str
    scope: Scope
    text: str
    metadata: Metadata


class VectorStore(Protocol):
    """Unit vectors of one embedder, compared by their cosine. Blocking; not for several threads at once.

    Every method raises `RunError` if the store cannot be read or written.
    """

    @property
    def embedder(self) -> str | None:
        """The name of the embedder that the vectors are of; None for an empty store that may take any."""

    def __len__(self) -> int:
        """The number of rows."""

    def add(self, rows: Sequence[VectorRow], vectors: Vectors, *, embedder: str) -> None:
        """Write rows with their vectors, shape (rows, dimension); a row whose id is there is replaced."""

    def get(self, ids: Sequence[str] | None = None, *, texts: bool = True) -> dict[str, VectorRow]:
        """The rows of `ids`, by id, those that are not there left out; None: all rows.

        Without `texts`, which take time to read, the rows' texts are "".
        """

    def rows(self, where: Metadata | None = None) -> Iterator[VectorRow]:
        """All rows without their texts, in the order in which they came, read part by part: no more is held in memory.

        `where` names values of the metadata: only rows that have them.
        """

    def get_vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of `ids`, by id, those that are not there left out."""

    def search(self, query: Vectors, k: int, *, scope: Scope | None = None) -> list[tuple[str, float]]:
        """The ids and cosines of about the k rows nearest to a unit vector, best first, of one scope or of all."""

    def delete(self, ids: Sequence[str]) -> None:
        """Remove rows; those that are not there are passed over."""

    def close(self) -> None:
        """Let go of files and connections."""
