"""Exemplars as rows of a vector store, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from ste_graph.memory.exemplars.exemplar import Exemplar, json_text
from ste_graph.memory.vectors.similarity import Vectors
from ste_graph.memory.vectors.vector_store import Metadata, VectorRow, VectorStore

COLLECTION: Final = "exemplars_1"
"""The name of the collection in Chroma."""


def add_exemplars(
    store: VectorStore, exemplars: Sequence[Exemplar], vectors: Mapping[str, Vectors], embedder: str
) -> None:
    """Write exemplars with their vectors, which are given by id."""
    rows = np.array([vectors[exemplar.id] for exemplar in exemplars], dtype=np.float32)
    store.add([_row(exemplar) for exemplar in exemplars], rows, embedder=embedder)


def read_exemplar(row: VectorRow) -> Exemplar:
    """The exemplar in a row."""
    return Exemplar.model_validate_json(str(row.metadata["record"]))


def _row(exemplar: Exemplar) -> VectorRow:
    metadata: Metadata = {
        "tool": exemplar.tool,
        "run": exemplar.run or "",
        "stale": exemplar.stale,
        "verified": " ".join(exemplar.verified),
        "digest": exemplar.digest,
        "record": json_text(exemplar),
    }
    return VectorRow(id=exemplar.id, scope=(exemplar.tool,), text=exemplar.query, metadata=metadata)
