"""Exemplars that can be searched: in working memory, or by the server that keeps them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from ste_graph.memory.batches import slices
from ste_graph.memory.exemplars.backend import BATCH
from ste_graph.memory.exemplars.embedder import StoreEmbedder, check_count
from ste_graph.memory.exemplars.exemplar import Exemplar, replace_surrogates
from ste_graph.memory.exemplars.log import ExemplarRow
from ste_graph.memory.exemplars.selection import ExemplarMatch
from ste_graph.memory.vectors.similarity import Vectors
from ste_graph.trials.lessons import Lesson


class SearchableExemplars(ABC):
    """Exemplars with their vectors. Any number of threads may come; what others write is seen."""

    def __init__(self, place: str, embedder: StoreEmbedder) -> None:
        self.place = place
        """The store's place, for messages."""
        self.embedder = embedder

    @property
    @abstractmethod
    def dimension(self) -> int | None:
        """The length of a vector; None if there are none."""

    @abstractmethod
    def __len__(self) -> int:
        """The number of exemplars."""

    @abstractmethod
    def is_empty(self) -> bool:
        """True if there is nothing to find; quicker than counting."""

    @abstractmethod
    def ids(self) -> list[str]:
        """The ids of all exemplars, in no order."""

    @abstractmethod
    def rows(self) -> Iterator[ExemplarRow]:
        """What there is to know of each exemplar without reading it, in no order."""

    @abstractmethod
    def tools(self) -> set[str]:
        """The tools that there are exemplars of."""

    @abstractmethod
    def exemplars(self, tool: str | None = None) -> Iterator[Exemplar]:
        """All exemplars, or those of a tool, in the order in which they came."""

    @abstractmethod
    def get(self, ids: Sequence[str]) -> dict[str, Exemplar]:
        """The exemplars of `ids`, by id, those that are not there left out."""

    @abstractmethod
    def find_missing(self, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that are not there and were not forgotten."""

    @abstractmethod
    def search(
        self,
        vectors: Vectors,
        k: int,
        *,
        tools: Sequence[str] | None = None,
        gates: frozenset[str] | None = None,
        by_tool: bool = False,
    ) -> list[list[ExemplarMatch]]:
        """Per unit vector the k nearest exemplars, or with `by_tool` the k of each tool; best first, ties by id.

        Only exemplars of `tools` that name no other tool; with `gates` only those that passed all of them and are not
        stale.
        """

    @abstractmethod
    def lessons(self, tools: Iterable[str] | None = None) -> list[Lesson]:
        """The lessons that the trials teach, of some tools or of all."""

    @abstractmethod
    def freeze(self, ids: Iterable[str]) -> None:
        """From now on hold only what there is now, and of that only these; nothing can be changed any more."""

    def add(self, exemplars: Iterable[Exemplar], vectors: Vectors | None = None) -> int:
        """Add or replace exemplars, see `ExemplarStore.add`."""
        todo = list({exemplar.id: replace_surrogates(exemplar) for exemplar in exemplars}.values())
        if vectors is not None:
            vectors = self.check(check_count(vectors, len(todo)))
        return sum(
            self.add_some(todo[part], None if vectors is None else vectors[part]) for part in slices(len(todo), BATCH)
        )

    @abstractmethod
    def add_some(self, exemplars: Sequence[Exemplar], vectors: Vectors | None) -> int:
        """The same for so few that they are written in one go, with unit vectors."""

    @abstractmethod
    def forget(self, is_wanted: Callable[[Exemplar], bool]) -> int:
        """Remove exemplars for good; returns how many."""

    @abstractmethod
    def rebuild(self) -> None:
        """Make the vectors complete, or raise `RunError`."""

    @abstractmethod
    def find_differences(self) -> list[str]:
        """The problems of what is kept, in words."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of texts. Raises `SteError`."""
        return self.check(self.embedder.embed(texts)) if texts else np.empty((0, 0), dtype=np.float32)

    def check(self, vectors: Vectors) -> Vectors:
        """The vectors at length one. Raises `WorkflowError` if they are not such as the store holds."""
        return self.embedder.check(vectors, self.dimension)

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections."""
