"""Similarities of unit vectors: their cosines, rounded before anything is compared.

The same text embedded in another batch differs from the seventh decimal on, and must count as equally near, so that a
resumed run selects the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
"""Unit vectors, one per row, shape (n, d)."""

DECIMALS: Final = 4
"""Decimals of every similarity that is returned or written down."""

TIE_DECIMALS: Final = 6
"""Decimals to which cosines with stored vectors are compared: only the query's own noise counts there."""


def similarities(vectors: Vectors, query: NDArray[np.float32], decimals: int = DECIMALS) -> NDArray[np.float64]:
    """The cosine of each row with `query`, in [-1, 1], to so many decimals."""
    cosines = np.round((vectors @ query).astype(np.float64), decimals)
    return np.clip(cosines, -1.0, 1.0)


def select_nearest(vectors: Vectors, ids: Sequence[str], query: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
    """Row and similarity of the k rows most similar to `query`, best first, ties by id."""
    cosines = similarities(vectors, query)
    best = sorted(range(len(ids)), key=lambda row: (-cosines[row], ids[row]))
    return [(row, float(cosines[row])) for row in best[: max(k, 0)]]


def select_diverse(vectors: Vectors, ids: Sequence[str], k: int) -> list[int]:
    """The rows of k entries that cover the memory: the newest, then always the one farthest from all selected.

    Ties by id. All rows if there are no more than k. In order of adding.
    """
    if len(ids) <= k:
        return list(range(len(ids)))
    if k < 1:
        return []
    by_id = np.array(sorted(range(len(ids)), key=lambda row: ids[row]))
    selected = [len(ids) - 1]
    closest = similarities(vectors, vectors[-1])
    while len(selected) < k:
        closest[selected[-1]] = np.inf
        row = int(by_id[np.argmin(closest[by_id])])
        selected.append(row)
        closest = np.maximum(closest, similarities(vectors, vectors[row]))
    return sorted(selected)
