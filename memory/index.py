"""The index of a memory: a Chroma collection that can always be built again from the step logs."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from ste_graph.contracts import Entry
from ste_graph.errors import RunError, WorkflowError

from .recall import Vectors

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

_ROWS = 5461
"""Chroma's own maximum of rows in one call (SQLite's limit of variables)."""

_SPACE: Literal["cosine"] = "cosine"
"""Set when the collection is made, since Chroma's own is l2; an open collection would not take another."""

_Item = TypeVar("_Item")


def digest(entry: Entry) -> str:
    """A hash of all that an entry says."""
    content = json.dumps([entry.scope, entry.text, entry.record], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Index:
    """A persistent Chroma collection with embeddings of our own. Blocking: call it in worker threads.

    Raises:
        WorkflowError: when opened, if the collection was made for another embedder or metric.
        RunError: whenever Chroma cannot read or write.
    """

    def __init__(self, name: str, folder: Path, embedder: str) -> None:
        # Chroma wants three characters at least, the last one a letter or digit; `1` is the version of this layout.
        self._name = f"memory_{name}_1"
        self._where = f"{folder}: memory `{name}`"
        self._folder = folder
        self._collection = self._opened(embedder)

    def digests(self) -> dict[str, str]:
        """The digest of every entry in the index, by id."""
        with _Guard(self._where, "reading the index"):
            rows = self._collection.get(include=["metadatas"])
            metadatas: Sequence[Mapping[str, Any]] = rows["metadatas"] or []
            return {id: str(metadata.get("digest")) for id, metadata in zip(rows["ids"], metadatas, strict=True)}

    def vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of those of `ids` that are in the index."""
        found: dict[str, Vectors] = {}
        with _Guard(self._where, "reading the index"):
            for some in _portions(ids, _ROWS):
                rows = self._collection.get(ids=some, include=["embeddings"])
                found.update(zip(rows["ids"], np.asarray(rows["embeddings"], dtype=np.float32), strict=True))
        return found

    def put(self, entries: Sequence[Entry], vectors: Vectors) -> None:
        """Write entries, anew where they are there already. All metadata each time, since upsert merges it."""
        with _Guard(self._where, "writing the index"):
            for rows in _portions(range(len(entries)), _ROWS):
                some = [entries[row] for row in rows]
                self._collection.upsert(
                    ids=[entry.id for entry in some],
                    embeddings=vectors[rows],
                    documents=[entry.text for entry in some],
                    metadatas=[{"scope": entry.scope, "digest": digest(entry)} for entry in some],
                )

    def drop(self, ids: Sequence[str]) -> None:
        """Take entries out."""
        with _Guard(self._where, "writing the index"):
            for some in _portions(ids, _ROWS):
                self._collection.delete(ids=some)

    def close(self) -> None:
        """Let go of the files."""
        self._client.close()  # type: ignore[attr-defined]  # the client has it, its interface does not say so

    def _opened(self, embedder: str) -> Collection:
        import chromadb
        from chromadb.api.collection_configuration import CreateCollectionConfiguration, CreateHNSWConfiguration
        from chromadb.config import Settings
        from chromadb.errors import NotFoundError

        with _Guard(self._where, "opening the index"), warnings.catch_warnings():
            # Chroma calls its own way of saying "no embedding function" legacy.
            warnings.filterwarnings("ignore", "legacy embedding function config", DeprecationWarning)
            self._folder.mkdir(parents=True, exist_ok=True)
            self._client = chromadb.PersistentClient(self._folder, Settings(anonymized_telemetry=False))
            try:
                try:
                    collection = self._client.get_collection(self._name, embedding_function=None)
                except NotFoundError:
                    return self._client.create_collection(
                        self._name,
                        embedding_function=None,
                        metadata={"embedder": embedder},
                        configuration=CreateCollectionConfiguration(
                            hnsw=CreateHNSWConfiguration(space=_SPACE, ef_construction=200, ef_search=400)
                        ),
                    )
                self._check(collection, embedder)
            except BaseException:
                self.close()
                raise
        return collection

    def _check(self, collection: Collection, embedder: str) -> None:
        made_with = (collection.metadata or {}).get("embedder")
        space = (collection.configuration.get("hnsw") or {}).get("space")
        for what, found, expected in (("embedder", made_with, embedder), ("metric", space, _SPACE)):
            if found != expected:
                raise WorkflowError(
                    f"{self._where} was indexed with {what} {found}, expected {expected}. "
                    "Delete the folder: it is built again from the step logs."
                )


class _Guard:
    """Turns whatever Chroma raises into a `RunError` that says where."""

    def __init__(self, where: str, doing: str) -> None:
        self._where, self._doing = where, doing

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, RunError | WorkflowError):
            raise RunError(
                f"{self._where}: {self._doing} failed ({type(error).__name__}: {error}). Nothing is lost: the step "
                "logs hold every entry. Make room or repair the folder (or delete it), then start the same run again."
            ) from error


def _portions(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
