"""Vectors in working memory, by tool, and the exact search over them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .exemplar_log import Row
from .recall import Vectors

_DECIMALS = 6
"""The same text embedded in another batch differs from the seventh decimal on, and must count as equally near."""

_MARGIN = 2e-6


class Ranked(NamedTuple):
    """A row and its cosine similarity to the query, in [-1, 1]."""

    similarity: float
    row: Row


class Ranking:
    """Rows with their vectors. Every comparison is made: what is found is exact.

    Rows of one tool lie side by side where they came together, so that a search within a tool reads no others.
    """

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._vectors: Vectors = np.empty((0, 0), dtype=np.float32)
        self._stretches: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._at: dict[str, int] = {}
        self._mixed: set[int] = set()
        self._masks: dict[frozenset[str] | None, NDArray[np.bool_]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, id: str) -> bool:
        return id in self._at

    @property
    def tools(self) -> list[str]:
        """The tools that rows are of, sorted."""
        return sorted(self._stretches)

    def reserve(self, rows: int, dimension: int) -> None:
        """Make room for so many rows in all."""
        if rows > len(self._vectors):
            room = np.empty((rows, dimension), dtype=np.float32)
            if self._rows:
                room[: len(self._rows)] = self._vectors[: len(self._rows)]
            self._vectors = room

    def add(self, rows: Sequence[Row], vectors: Vectors) -> None:
        """Add rows that are not there. Room grows by doubling, so that adding one at a time stays cheap."""
        if not rows:
            return
        start = len(self._rows)
        if start + len(rows) > len(self._vectors):
            self.reserve(max(start + len(rows), 2 * start, 64), vectors.shape[1])
        self._vectors[start : start + len(rows)] = vectors
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
        self._masks.clear()

    def replace(self, row: Row) -> None:
        """Change what is known of a row whose vector and tool stay as they are."""
        self._rows[self._at[row.id]] = row
        self._masks.clear()

    def nearest(
        self,
        query: NDArray[np.float32],
        k: int,
        *,
        tools: Iterable[str] | None = None,
        gates: frozenset[str] | None = None,
        by_tool: bool = False,
    ) -> list[Ranked]:
        """The k rows most similar to `query`, or with `by_tool` the k of each tool; best first, ties by id.

        Only rows of `tools` that name no other tool; with `gates` only those that passed all of them and are not stale.
        """
        if k < 1 or not self._rows:
            return []
        offered = None if tools is None else frozenset(tools)
        if by_tool:
            each = [self._nearest(query, k, frozenset({tool}), offered, gates) for tool in offered or self._stretches]
            return sorted((one for some in each for one in some), key=_best_first)
        return self._nearest(query, k, offered, offered, gates)

    def _nearest(
        self,
        query: NDArray[np.float32],
        k: int,
        tools: frozenset[str] | None,
        offered: frozenset[str] | None,
        gates: frozenset[str] | None,
    ) -> list[Ranked]:
        found: list[tuple[int, float]] = []
        for start, end in self._parts(tools):
            cosines = self._vectors[start:end] @ query
            if gates is not None:
                cosines = np.where(self._mask(gates)[start:end], cosines, -np.inf)
            if offered is not None:
                for place in self._mixed:
                    if start <= place < end and not self._rows[place].tools <= offered:
                        cosines[place - start] = -np.inf
            found += _best(cosines, start, k)
        rows = [Ranked(round(min(max(cosine, -1.0), 1.0), _DECIMALS), self._rows[place]) for place, cosine in found]
        return sorted(rows, key=_best_first)[:k]

    def _parts(self, tools: frozenset[str] | None) -> Iterator[tuple[int, int]]:
        if tools is None:
            yield 0, len(self._rows)
            return
        for tool in sorted(tools):
            yield from self._stretches.get(tool, ())

    def _mask(self, gates: frozenset[str] | None) -> NDArray[np.bool_]:
        if gates not in self._masks:
            shown = (gates is None or (gates <= row.gates and not row.stale) for row in self._rows)
            self._masks[gates] = np.fromiter(shown, np.bool_, len(self._rows))
        return self._masks[gates]


def _best_first(one: Ranked) -> tuple[float, str]:
    return -one.similarity, one.row.id


def _best(cosines: NDArray[np.float32], start: int, k: int) -> list[tuple[int, float]]:
    """Place and cosine of the k best, and of all that equal the last of them once rounded."""
    if len(cosines) > k:
        least = np.partition(cosines, len(cosines) - k)[len(cosines) - k]
        places = np.flatnonzero(cosines >= least - _MARGIN)
    else:
        places = np.arange(len(cosines))
    places = places[np.isfinite(cosines[places])]
    return [(int(place) + start, float(cosines[place])) for place in places]
