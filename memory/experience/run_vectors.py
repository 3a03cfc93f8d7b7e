"""The embeddings of a run's requests: those that its memory holds, read from a copy, and a limited number made anew."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ste_graph.contracts import Json
from ste_graph.errors import SteError
from ste_graph.finished import FinishedRun
from ste_graph.memory.vectors.chroma_client import Wording
from ste_graph.memory.vectors.chroma_workarounds import has_index
from ste_graph.memory.vectors.collection import VectorCollection
from ste_graph.memory.vectors.embedders import embed_blocking, embedder_for
from ste_graph.memory.vectors.similarity import Vectors

MOST_EMBEDDED: Final = 400
"""The most texts that are embedded for want of a vector in the memory."""


def read_request_vectors(run: FinishedRun, trials: Sequence[Mapping[str, Json]]) -> dict[str, Vectors]:
    """The embeddings of the requests of trials, by the trials' ids; nothing is written into the run.

    Where its memory holds none, the bundled embedder makes them, if there are few enough of them.
    """
    ids = [str(trial["id"]) for trial in trials]
    memories = run.lock["resolved"]["workflow"].get("memory") or {}
    for name, settings in memories.items():
        if isinstance(settings, Mapping) and settings.get("of") == "trial":
            found = _read_copy(run.folder.memory(name), f"memory_{settings.get('collection') or name}_1", ids)
            if len(found) >= len(ids) / 2:
                return found
    texts = list(dict.fromkeys(str(trial["query"]) for trial in trials))
    if not texts or len(texts) > MOST_EMBEDDED:
        return {}
    by_text = dict(zip(texts, embed_blocking(embedder_for(None), texts), strict=True))
    return {str(trial["id"]): by_text[str(trial["query"])] for trial in trials}


def _read_copy(folder: Path, collection: str, ids: Sequence[str]) -> dict[str, Vectors]:
    """The vectors in a copy of a memory's folder: the run may be writing there, and Chroma writes even to read."""
    if not has_index(folder):
        return {}
    with TemporaryDirectory() as copy:
        try:
            shutil.copytree(folder, Path(copy) / "memory")
            store = VectorCollection(Path(copy) / "memory", collection, Wording("the memory", "", ""))
            try:
                return store.get_vectors(ids)
            finally:
                store.close()
        except (OSError, shutil.Error, SteError):
            return {}
