"""The contract of exemplars that can be searched: in working memory, or by the server that keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ste_graph.memory.exemplars.backends.log import ExemplarRow
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.selection import ExemplarMatch
from ste_graph.memory.vectors.similarity import Vectors
from ste_graph.trials.lessons import Lesson


@dataclass(frozen=True, slots=True)
class Wanted:
    """The exemplars that a search is for: the k nearest, or with `by_tool` the k nearest of each tool.

    Only exemplars of `tools` that name no other tool; with `gates` only those that passed all of them and are not
    stale.
    """

    k: int
    tools: frozenset[str] | None = None
    gates: frozenset[str] | None = None
    by_tool: bool = False

    def admits(self, exemplar: Exemplar) -> bool:
        """True if an exemplar may be found."""
        if self.tools is not None and not exemplar.tools <= self.tools:
            return False
        return self.gates is None or (not exemplar.stale and self.gates <= {*exemplar.verified})


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
        """The facts about each exemplar that are known without reading it, in no order."""

    def tools(self) -> set[str]:
        """The tools that there are exemplars of."""

    def exemplars(self, tool: str | None = None) -> Iterator[Exemplar]:
        """All exemplars, or those of a tool, in the order in which they came."""

    def get(self, ids: Sequence[str]) -> dict[str, Exemplar]:
        """The exemplars of `ids`, by id, those that are not there left out."""

    def find_missing(self, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that are not there and were not forgotten."""

    def search(self, vectors: Vectors, wanted: Wanted) -> list[list[ExemplarMatch]]:
        """Per unit vector the nearest exemplars; best first, ties by id."""

    def lessons(self, tools: Iterable[str] | None = None) -> list[Lesson]:
        """The lessons that the trials teach, of some tools or of all."""

    def freeze(self, ids: Iterable[str]) -> None:
        """From now on hold only what there is now, and of that only these; nothing can be changed any more."""

    def add(self, exemplars: Sequence[Exemplar], vectors: Vectors | None) -> int:
        """Add or replace at most `BATCH` exemplars, see `ExemplarStore.add`; `vectors` are at length one."""

    def forget(self, is_wanted: Callable[[Exemplar], bool]) -> int:
        """Remove exemplars for good; returns how many."""

    def rebuild(self) -> None:
        """Make the vectors complete, or raise `RunError`."""

    def find_differences(self) -> list[str]:
        """The problems of the data that are kept, in words."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of texts. Raises `SteError`."""

    def check(self, vectors: Vectors) -> Vectors:
        """The vectors at length one. Raises `WorkflowError` if they are not such as the store holds."""

    def close(self) -> None:
        """Let go of files and connections."""
