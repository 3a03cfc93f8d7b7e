"""The collections in folders that are open in this process."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from ste_graph.errors import RunError
from ste_graph.memory.vectors.chroma_client import Wording
from ste_graph.memory.vectors.collection import VectorCollection


class SharedCollections:
    """The collections in folders that are open in this process, one for each folder, however many use it.

    Chroma's client is one and the same for them too, and must be opened again once another process has written.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Path, tuple[VectorCollection, int]] = {}

    def open(self, folder: Path, name: str, wording: Wording, embedder: str | None) -> VectorCollection:
        """The collection in a folder; to be given back with `close`. Raises what opening a collection raises."""
        folder = folder.resolve()
        with self._lock:
            if folder in self._open:
                collection, users = self._open[folder]
                collection.check_fit(embedder)
            else:
                collection, users = VectorCollection(folder, name, wording, embedder), 0
            self._open[folder] = collection, users + 1
            return collection

    def close(self, collection: VectorCollection) -> None:
        """Let go of the files, once the last user of a collection does."""
        folder = collection.where
        with self._lock:
            there, users = self._open.get(folder, (collection, 1)) if isinstance(folder, Path) else (collection, 1)
            if there is collection and users > 1:
                assert isinstance(folder, Path)
                self._open[folder] = collection, users - 1
                return
            if there is collection and isinstance(folder, Path):
                self._open.pop(folder, None)
        collection.close()

    def remove(self, folder: Path) -> None:
        """Remove the folder of a collection, damaged or not. Raises `RunError`."""
        folder = folder.resolve()
        with self._lock:
            if folder in self._open:
                collection, _ = self._open[folder]
                collection.close()
                collection.generation = None
        try:
            shutil.rmtree(folder, ignore_errors=False)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise RunError(
                f"{folder}: cannot be removed ({error.strerror}); remove it yourself, then do it again"
            ) from error
