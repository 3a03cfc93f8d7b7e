"""The index of a memory: a Chroma collection that can always be built again from the step logs."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from ste_graph.contracts import Entry
from ste_graph.errors import RunError, WorkflowError
from ste_graph.memory.experience.shared_index import Share, mark_of
from ste_graph.memory.vectors.chroma_workarounds import UnusedRoom
from ste_graph.memory.vectors.collection import client_of, shut
from ste_graph.memory.vectors.similarity import Vectors

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

    def __init__(
        self, name: str, folder: Path, embedder: str, share: Share | None = None, server: str | None = None,
        collection: str | None = None,
    ) -> None:  # fmt: skip
        self._share = share
        # Chroma wants three characters at least, the last one a letter or digit; `1` is the version of this layout.
        self._name = f"memory_{collection or name}_1"
        self._where = f"{server or folder}: memory `{name}`"
        self._chroma: Path | str = server or folder
        self._unused = UnusedRoom(self._chroma)
        self._way = "See that the server runs (`chroma run`)"
        if server is None:
            self._way = "Make room or repair the folder" + (" (or delete it)" if share is None else "")
        if server is not None and share is None:
            with self._guard("opening the index"):
                self._name = f"memory_{name}_{mark_of(folder)}_1"
        try:
            self._collection = self._opened(embedder)
        except BaseException:
            if share is not None:
                share.leave()
            raise

    def digests(self) -> dict[str, str]:
        """The digest of every entry of this run in the index, by id."""
        with self._guard("reading the index"):
            own: Any = {"run": self._share.run} if self._share else None
            rows = self._collection.get(where=own, include=["metadatas"])
            metadatas: Sequence[Mapping[str, Any]] = rows["metadatas"] or []
            ids = [id.rpartition(":")[2] for id in rows["ids"]]
            return {id: str(metadata.get("digest")) for id, metadata in zip(ids, metadatas, strict=True)}

    def earlier(self) -> list[Entry]:
        """What other runs had left in a shared index when this run began, oldest first."""
        if self._share is None:
            return []
        with self._guard("reading the index"):
            ids = self._share.stood(self._others)
            found: dict[str, Entry] = {}
            for some in _portions(ids, _ROWS):
                rows = self._collection.get(ids=some, include=["documents", "metadatas"])
                metadatas: Sequence[Mapping[str, Any]] = rows["metadatas"] or []
                for id, text, said in zip(rows["ids"], rows["documents"] or [], metadatas, strict=True):
                    found[id] = Entry(
                        id=id, scope=tuple(json.loads(said["scope"])), text=text, record=json.loads(said["record"])
                    )
            return [found[id] for id in ids if id in found]

    def _others(self) -> list[str]:
        """What other runs have left until now, oldest first."""
        assert self._share is not None
        others: Any = {"run": {"$ne": self._share.run}}
        rows = self._collection.get(where=others, include=["metadatas"])
        metadatas: Sequence[Mapping[str, Any]] = rows["metadatas"] or []
        written = {id: said["written"] for id, said in zip(rows["ids"], metadatas, strict=True)}
        return sorted(written, key=lambda id: (written[id], id))

    def vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of those of `ids` that are in the index."""
        found: dict[str, Vectors] = {}
        with self._guard("reading the index"):
            for some in _portions(ids, _ROWS):
                asked = {self._key(id): id for id in some}
                rows = self._collection.get(ids=list(asked), include=["embeddings"])
                self._unused.blank_again()
                vectors = np.asarray(rows["embeddings"], dtype=np.float32)
                found.update(zip((asked[key] for key in rows["ids"]), vectors, strict=True))
        return found

    def put(self, entries: Sequence[Entry], vectors: Vectors) -> None:
        """Write entries, anew where they are there already. All metadata each time, since upsert merges it."""
        with self._guard("writing the index"):
            for rows in _portions(range(len(entries)), _ROWS):
                some = [entries[row] for row in rows]
                self._collection.upsert(
                    ids=[self._key(entry.id) for entry in some],
                    embeddings=vectors[rows],
                    documents=[entry.text for entry in some],
                    metadatas=[self._said(entry) for entry in some],
                )
                self._unused.blank_again()

    def drop(self, ids: Sequence[str]) -> None:
        """Take entries out."""
        with self._guard("writing the index"):
            for some in _portions(ids, _ROWS):
                self._collection.delete(ids=[self._key(id) for id in some])
                self._unused.blank_again()

    def close(self) -> None:
        """Let go of the files."""
        try:
            shut(self._client)
        finally:
            if self._share is not None:
                self._share.leave()

    def _key(self, id: str) -> str:
        """The id of a row: in a shared index with the run before it, as two runs of a workflow give the same ids."""
        return id if self._share is None or ":" in id else f"{self._share.run}:{id}"

    def _said(self, entry: Entry) -> dict[str, Any]:
        said = {"scope": json.dumps(entry.scope, ensure_ascii=False), "digest": digest(entry)}
        if self._share is None:
            return said
        record = json.dumps(entry.record, ensure_ascii=False)
        return said | {"run": self._share.run, "written": time.time_ns(), "record": record}

    def _guard(self, doing: str) -> _Guard:
        return _Guard(f"{self._where}: {doing} failed", self._way)

    def _opened(self, embedder: str) -> Collection:
        from chromadb.api.collection_configuration import CreateCollectionConfiguration, CreateHNSWConfiguration
        from chromadb.errors import NotFoundError

        with self._guard("opening the index"), warnings.catch_warnings():
            # Chroma calls its own way of saying "no embedding function" legacy.
            warnings.filterwarnings("ignore", "legacy embedding function config", DeprecationWarning)
            self._unused.blank()
            self._client = client_of(self._chroma)
            try:
                try:
                    collection = self._client.get_collection(self._name, embedding_function=None)
                except NotFoundError:
                    # Should another client of a server be first, it gives that one's, as it is.
                    collection = self._client.get_or_create_collection(
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
                way = "Delete the folder: it is built again from the step logs."
                if self._share is not None:
                    another = "path" if isinstance(self._chroma, Path) else "collection"
                    way = f"Set that one, or give the memory another `{another}`."
                raise WorkflowError(f"{self._where} was indexed with {what} {found}, expected {expected}. {way}")


class _Guard:
    """Turns whatever Chroma raises into a `RunError` that says where."""

    def __init__(self, what: str, way: str) -> None:
        self._what, self._way = what, way

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, RunError | WorkflowError):
            raise RunError(
                f"{self._what} ({type(error).__name__}: {error}). Nothing is lost: the step logs hold every entry. "
                f"{self._way}, then start the same run again."
            ) from error


def _portions(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
