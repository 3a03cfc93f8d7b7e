"""The search for exemplars by the meaning of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ste_graph.contracts import Selection
from ste_graph.distil.normalisation import words
from ste_graph.errors import WorkflowError
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.rendering import as_text
from ste_graph.memory.exemplars.searchable import SearchableExemplars
from ste_graph.memory.exemplars.selection import ExemplarMatch, select_matches
from ste_graph.memory.vectors.similarity import Vectors


class ExemplarSelector:
    """Selects exemplars for a request."""

    def __init__(self, exemplars: SearchableExemplars) -> None:
        self._exemplars = exemplars

    def search(
        self, queries: Sequence[str], k: int, *, tools: Iterable[str] | None, gates: Iterable[str] | None
    ) -> list[list[ExemplarMatch]]:
        """Per query the k nearest exemplars, see `ExemplarStore.search`."""
        if not self._has_matches(k):
            return [[] for _ in queries]
        return self.search_vectors(self._exemplars.embed(queries), k, tools=tools, gates=gates)

    def search_vectors(
        self,
        vectors: Vectors,
        k: int,
        *,
        tools: Iterable[str] | None,
        gates: Iterable[str] | None,
        by_tool: bool = False,
    ) -> list[list[ExemplarMatch]]:
        """Per unit vector the k nearest exemplars; with `by_tool` the k nearest of each tool."""
        if check_k(k) == 0:
            return [[] for _ in vectors]
        offered = None if tools is None else list(tools)
        passed = None if gates is None else frozenset(gates)
        return self._exemplars.search(vectors, k, tools=offered, gates=passed, by_tool=by_tool)

    def select(
        self, query: str, selection: Selection, *, tools: Iterable[str] | None, count: Callable[[str], int]
    ) -> list[ExemplarMatch]:
        """The exemplars to show for `query`, in the order in which to show them, see `ExemplarStore.select`."""
        offered = None if tools is None or selection.paper else list(tools)
        if not self._has_matches(selection.k):
            return []
        nearest = self._nearest(query, selection, offered)
        return select_matches(nearest, selection, lambda exemplar: self._text(exemplar, selection), count)

    def candidates(self, selection: Selection, tools: Iterable[str] | None) -> list[tuple[str, str]]:
        """The id and the tool of every exemplar among which a selection chooses.

        They are sorted by tool and by what is asked: ids differ from run to run, and so would a draw from them.
        """
        offered = None if tools is None or selection.paper else frozenset(tools)
        gates = frozenset(selection.gates)
        rows = [
            row
            for row in self._exemplars.rows()
            if gates <= row.gates and not row.stale and (offered is None or row.tools <= offered)
        ]
        return [(row.id, row.tool) for row in sorted(rows, key=lambda row: (row.tool, row.text, row.id))]

    def _nearest(self, query: str, selection: Selection, offered: Sequence[str] | None) -> list[ExemplarMatch]:
        """The nearest exemplars to select from, as many without those of the very same request as with them."""
        vectors, k, asked = self._exemplars.embed([query]), selection.fetches, words(query)
        while True:
            nearest = self.search_vectors(
                vectors, k, tools=offered, gates=selection.gates, by_tool=selection.by_tool
            )[0]  # fmt: skip
            if selection.allow_same_request:
                return nearest
            others = [match for match in nearest if words(match.exemplar.query) != asked]
            wanted = selection.fetches + len(nearest) - len(others)
            if wanted <= k:
                return others
            k = wanted

    def _has_matches(self, k: int) -> bool:
        return check_k(k) > 0 and not self._exemplars.is_empty()

    @staticmethod
    def _text(exemplar: Exemplar, selection: Selection) -> str:
        return as_text([exemplar], observations=selection.shows_observations)


def check_k(k: int) -> int:
    """The number of exemplars wanted. Raises `WorkflowError` if it is negative."""
    if k < 0:
        raise WorkflowError(f"k is {k}; expected 0 or more")
    return k
