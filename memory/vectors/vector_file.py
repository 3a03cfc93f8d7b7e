"""Vectors of texts in a file of the user's cache, so that no text is embedded twice. It holds no text."""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ste_graph.errors import RunError
from ste_graph.files.atomic import write_atomically
from ste_graph.memory.vectors.similarity import Vectors

_log = logging.getLogger("ste_graph.memory")


class VectorFile:
    """The vectors of one embedder by the hashes of their texts, see `text_hash`.

    A file that cannot be read is made again; if it cannot be written, a warning says so, and nothing else changes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._vectors: dict[int, Vectors] | None = None
        self._changed = False

    def get(self, hashes: Sequence[int]) -> dict[int, Vectors]:
        """The vectors of those of `hashes` that are there."""
        vectors = self._load()
        return {hash: vectors[hash] for hash in hashes if hash in vectors}

    def put(self, vectors: dict[int, Vectors]) -> None:
        """Add vectors; `save` writes them."""
        self._load().update(vectors)
        self._changed = True

    def remove(self, hashes: Sequence[int]) -> None:
        """Remove vectors; `save` writes what is left."""
        gone = [self._load().pop(hash, None) for hash in hashes]
        self._changed = self._changed or any(vector is not None for vector in gone)

    def clear(self) -> None:
        """Remove all vectors; `save` writes what was added since."""
        self._vectors, self._changed = {}, True

    def save(self) -> None:
        """Write the file, if anything changed."""
        if not self._changed:
            return
        self._changed = False
        vectors = self._load()
        content = io.BytesIO()
        rows = np.array(list(vectors.values()), dtype=np.float32)
        np.savez(content, hashes=np.array(list(vectors), dtype=np.uint64), vectors=rows)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, [content.getvalue()])
        except (OSError, RunError) as error:
            cause = error.__cause__ if isinstance(error, RunError) else error
            _log.warning(
                "%s: vectors cannot be cached here (%s), so that they are computed again next time; "
                "set STE_CACHE to another folder",
                self.path.parent, getattr(cause, "strerror", cause),
            )  # fmt: skip

    def _load(self) -> dict[int, Vectors]:
        if self._vectors is None:
            try:
                with np.load(io.BytesIO(self.path.read_bytes()), allow_pickle=False) as file:
                    hashes, rows = file["hashes"], file["vectors"]
                self._vectors = dict(zip(hashes.tolist(), np.asarray(rows, dtype=np.float32), strict=True))
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
                self._vectors = {}
        return self._vectors
