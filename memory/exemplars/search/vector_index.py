"""Vectors of exemplars in working memory, by tool, and the exact search over them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ste_graph.memory.exemplars.backends.log import ExemplarRow
from ste_graph.memory.exemplars.search.searchable import Wanted
from ste_graph.memory.vectors.similarity import TIE_DECIMALS, Vectors
from ste_graph.memory.vectors.vector_table import VectorTable

_MARGIN = 2 * 10**-TIE_DECIMALS

_COSINES = 4_000_000
"""Cosines computed in one go, which take 16 MB: many queries together are ten times faster than one by one."""


class Ranked(NamedTuple):
    """A row and its cosine similarity to the query, in [-1, 1]."""

    similarity: float
    row: ExemplarRow


class VectorIndex:
    """Rows with their vectors. All of them are compared, so that results are exact.

    Rows of one tool are adjacent if they came together, so that a search within a tool reads no others.
    """

    def __init__(self) -> None:
        self._rows: list[ExemplarRow] = []
        self._vectors = VectorTable()
        self._stretches: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._at: dict[str, int] = {}
        self._mixed: set[int] = set()
        self._outs: dict[frozenset[str] | None, NDArray[np.intp]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, id: str) -> bool:
        return id in self._at

    def reserve(self, rows: int, dimension: int) -> None:
        """Make room for so many rows in all."""
        self._vectors.reserve(rows, dimension)

    def add(self, rows: Sequence[ExemplarRow], vectors: Vectors) -> None:
        """Add rows that are not there."""
        if not rows:
            return
        start = len(self._rows)
        self._vectors.append(vectors)
        for place, row in enumerate(rows, start):
            self._rows.append(row)
            self._at[row.id] = place
            if len(row.tools) > 1:
                self._mixed.add(place)
            stretches = self._stretches[row.tool]
            if stretches and stretches[-1][1] == place:
                stretches[-1] = stretches[-1][0], place + 1
            else:
                stretches.append((place, place + 1))
        self._outs.clear()

    def update(self, row: ExemplarRow) -> bool:
        """Change a row whose vector and tools stay as they are; False if it is there with others.

        A row that is not there is left to `add`.
        """
        place = self._at.get(row.id)
        if place is None:
            return True
        before = self._rows[place]
        if (before.text, before.tool, before.tools) != (row.text, row.tool, row.tools):
            return False
        self._rows[place] = row
        self._outs.clear()
        return True

    def search(self, queries: Vectors, wanted: Wanted) -> list[list[Ranked]]:
        """Per query the rows most similar to it; best first, ties by id."""
        if wanted.k < 1 or not self._rows:
            return [[] for _ in queries]
        if not wanted.by_tool:
            return self._search(queries, wanted.tools, wanted)
        of_tools = self._stretches if wanted.tools is None else wanted.tools
        each = [self._search(queries, frozenset({tool}), wanted) for tool in of_tools]
        return [
            sorted((ranked for found in each for ranked in found[query]), key=_best_first)
            for query in range(len(queries))
        ]

    def _search(self, queries: Vectors, tools: frozenset[str] | None, wanted: Wanted) -> list[list[Ranked]]:
        found: list[list[tuple[int, float]]] = [[] for _ in queries]
        vectors = self._vectors.rows
        for start, end in self._stretches_of(tools):
            out = self._left_out(start, end, wanted)
            at_once = max(1, _COSINES // (end - start))
            for first in range(0, len(queries), at_once):
                for query, cosines in enumerate(_cosines(queries[first : first + at_once], vectors[start:end]), first):
                    cosines[out] = -np.inf
                    found[query] += _best(cosines, start, wanted.k)
        return [self._rank(some, wanted.k) for some in found]

    def _rank(self, found: Iterable[tuple[int, float]], k: int) -> list[Ranked]:
        rows = [Ranked(round(min(max(cosine, -1.0), 1.0), TIE_DECIMALS), self._rows[place]) for place, cosine in found]
        return sorted(rows, key=_best_first)[:k]

    def _left_out(self, start: int, end: int, wanted: Wanted) -> NDArray[np.intp]:
        """The rows of a stretch that may not be found, counted from its start."""
        out = self._failing(wanted.gates)
        out = out[np.searchsorted(out, start) : np.searchsorted(out, end)] - start
        if wanted.tools is None or not self._mixed:
            return out
        mixed = [p - start for p in self._mixed if start <= p < end and not self._rows[p].tools <= wanted.tools]
        return np.concatenate([out, np.array(mixed, dtype=np.intp)])

    def _stretches_of(self, tools: frozenset[str] | None) -> Iterator[tuple[int, int]]:
        if tools is None:
            yield 0, len(self._rows)
            return
        for tool in sorted(tools):
            yield from self._stretches.get(tool, ())

    def _failing(self, gates: frozenset[str] | None) -> NDArray[np.intp]:
        """The rows that did not pass all gates or are stale, in order."""
        if gates not in self._outs:
            failing = (gates is not None and (row.stale or not gates <= row.gates) for row in self._rows)
            self._outs[gates] = np.flatnonzero(np.fromiter(failing, np.bool_, len(self._rows)))
        return self._outs[gates]


def _cosines(queries: Vectors, vectors: Vectors) -> Vectors:
    """One row per query. One query alone is compared without copying anything."""
    return (vectors @ queries[0])[None] if len(queries) == 1 else queries @ vectors.T


def _best_first(ranked: Ranked) -> tuple[float, str]:
    return -ranked.similarity, ranked.row.id


def _best(cosines: NDArray[np.float32], start: int, k: int) -> list[tuple[int, float]]:
    """Place and cosine of the k best, and of all that equal the last of them once rounded."""
    if len(cosines) > k:
        least = np.partition(cosines, len(cosines) - k)[len(cosines) - k]
        places = np.flatnonzero(cosines >= least - _MARGIN)
    else:
        places = np.arange(len(cosines))
    places = places[np.isfinite(cosines[places])]
    return [(int(place) + start, float(cosines[place])) for place in places]
