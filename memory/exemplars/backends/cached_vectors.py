"""The vectors of exemplars that are kept without any: computed when they are first asked for, and cached."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from ste_graph.files.cache import cache_folder
from ste_graph.memory.exemplars.backends.log import text_hash
from ste_graph.memory.exemplars.search.embedder import StoreEmbedder
from ste_graph.memory.vectors.similarity import Vectors
from ste_graph.memory.vectors.vector_file import VectorFile


class CachedVectors:
    """Vectors of requests, in the user's cache under a `name`; with `recompute`, what the cache has is not used."""

    def __init__(self, name: str, embedder: StoreEmbedder, *, recompute: bool = False) -> None:
        self.dimension: int | None = None
        """The length of a vector; None before there is one."""
        self._name = name
        self._embedder = embedder
        self._recompute = recompute
        self._file: VectorFile | None = None

    def get(self, texts: Sequence[str]) -> list[Vectors]:
        """The vectors of requests, in their order."""
        hashes = list(map(text_hash, texts))
        vectors = self._open().get(hashes)
        missing = list(dict.fromkeys(text for hash, text in zip(hashes, texts, strict=True) if hash not in vectors))
        if missing:
            rows = self._embedder.embed(missing, self.dimension)
            new = dict(zip(map(text_hash, missing), rows, strict=True))
            self._open().put(new)
            vectors |= new
        if hashes:
            self.dimension = len(vectors[hashes[0]])
        return [vectors[hash] for hash in hashes]

    def put(self, texts: Sequence[str], vectors: Sequence[Vectors]) -> None:
        """Add the vectors of requests."""
        self._open().put(dict(zip(map(text_hash, texts), vectors, strict=True)))

    def remove(self, texts: Iterable[str]) -> None:
        """Remove the vectors of requests."""
        self._open().remove(list(map(text_hash, texts)))

    def save(self) -> None:
        """Write what is new into the cache."""
        if self._file is not None:
            self._file.save()

    def _open(self) -> VectorFile:
        """The file of the vectors of the embedder in use."""
        if self._file is None:
            made_with = hashlib.sha256(self._embedder.name.encode()).hexdigest()[:16]
            self._file = VectorFile(cache_folder("exemplars") / self._name / f"{made_with}.npz")
            if self._recompute:
                self._file.clear()
        return self._file
