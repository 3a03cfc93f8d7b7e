"""The contract of exemplars that can be searched: in working memory, or by the server that keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.log import ExemplarRow
from ste_graph.memory.exemplars.selection import ExemplarMatch
from ste_graph.memory.vectors.similarity import Vectors
from ste_graph.trials.lessons import Lesson


class SearchableExemplars(Protocol):
    """Exemplars with their vectors. Any number of threads may come; what others write is seen."""

    @property
    def place(self) -> str:
        """The store's place, for messages."""

    def __len__(self) -> int:
        """The number of exemplars."""

    def is_empty(self) -> bool:
        """True if there is nothing to find; quicker than counting."""

    def ids(self) -> list[str]:
        """The ids of all exemplars, in no order."""

    def rows(self) -> Iterator[ExemplarRow]:
        """What there is to know of each exemplar without reading it, in no order."""

    def tools(self) -> set[str]:
        """The tools that there are exemplars of."""

    def exemplars(self, tool: str | None = None) -> Iterator[Exemplar]:
        """All exemplars, or those of a tool, in the order in which they came."""

    def get(self, ids: Sequence[str]) -> dict[str, Exemplar]:
        """The exemplars of `ids`, by id, those that are not there left out."""

    def find_missing(self, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that are not there and were not forgotten."""

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

    def lessons(self, tools: Iterable[str] | None = None) -> list[Lesson]:
        """The lessons that the trials teach, of some tools or of all."""

    def freeze(self, ids: Iterable[str]) -> None:
        """From now on hold only what there is now, and of that only these; nothing can be changed any more."""

    def add(self, exemplars: Iterable[Exemplar], vectors: Vectors | None = None) -> int:
        """Add or replace exemplars, see `ExemplarStore.add`."""

    def forget(self, is_wanted: Callable[[Exemplar], bool]) -> int:
        """Remove exemplars for good; returns how many."""

    def rebuild(self) -> None:
        """Make the vectors complete, or raise `RunError`."""

    def find_differences(self) -> list[str]:
        """The problems of what is kept, in words."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of texts. Raises `SteError`."""

    def close(self) -> None:
        """Let go of files and connections."""
