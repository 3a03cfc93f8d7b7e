"""A Chroma collection as a vector store, in a folder or on a server: cosine, for one embedder, checked on opening."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

import numpy as np

from ste_graph.contracts import Scope
from ste_graph.errors import RunError, SteError, WorkflowError
from ste_graph.memory.vectors.chroma_workarounds import (
    UnusedPages,
    close_client,
    forget_failed_start,
    has_index,
    is_chroma_error,
    without_warnings,
)
from ste_graph.memory.vectors.similarity import Vectors, similarities
from ste_graph.memory.vectors.vector_store import VectorRow

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

_ROWS = 5000
"""Rows in one call; Chroma's own maximum is 5461 (SQLite's limit of variables)."""

_SPACE: Literal["cosine"] = "cosine"
"""Set when the collection is created, since Chroma's own is l2; an open collection would not take another."""

_LAYOUT: Final = 2
"""The version of what a collection holds. 1: scopes were texts."""

_OVERFETCH: Final = 4
"""Rows asked for per row wanted in a search: Chroma's is approximate, and what it finds is ranked again exactly."""

_SCOPE: Final = "scope"


@dataclass(frozen=True, slots=True)
class Wording:
    """The name of a collection in messages, and their advice."""

    label: str
    fault: str
    """What to do if Chroma cannot read or write."""
    misfit: str
    """What to do if the collection was made for another embedder, metric or layout."""


def open_client(where: str | Path) -> ClientAPI:
    """The client of a folder, or of a server's address. Raises whatever Chroma raises."""
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    if isinstance(where, Path):
        where.mkdir(parents=True, exist_ok=True)
        try:
            return chromadb.PersistentClient(where, settings)
        except BaseException:
            forget_failed_start(where)
            raise
    parts = urlsplit(where)
    ssl = parts.scheme == "https"
    return chromadb.HttpClient(
        parts.hostname or "localhost", parts.port or (443 if ssl else 8000), ssl, settings=settings
    )


class VectorCollection:
    """The collection `name` as a `VectorStore`, created when the first vectors are added.

    Raises:
        WorkflowError: when opened, if the collection has another metric or layout, or was made for another embedder
            than `embedder` (None: any).
        RunError: whenever Chroma cannot read or write.
    """

    def __init__(self, where: str | Path, name: str, wording: Wording, embedder: str | None = None) -> None:
        self.where = where
        self.lock = threading.RLock()
        """For who shares the collection among threads."""
        self.generation: str | None = None
        """The state of the folder that this client has read, for its users to keep."""
        self._name, self._wording, self._wanted = name, wording, embedder
        self._client: ClientAPI | None = None
        self._collection: Collection | None = None
        self._unused = UnusedPages(where)
        self._is_new = False
        """True for a folder without an index, which no client has opened yet."""
        self.open()

    @property
    def embedder(self) -> str | None:
        return str(self._described["embedder"]) if self._collection is not None else self._wanted

    @property
    def dimension(self) -> int | None:
        """The length of a vector; None while the collection is empty."""
        return int(self._described["dimension"]) if self._collection is not None else None

    @property
    def mark(self) -> str | None:
        """The mark that the last writer left, see `sign`."""
        return str(self._described.get("mark")) if self._collection is not None else None

    @property
    def _described(self) -> Mapping[str, Any]:
        assert self._collection is not None
        return self._collection.metadata or {}

    def open(self) -> None:
        """Open the collection, again if need be: a client does not see into the index what another process wrote.

        Of a folder without an index it only makes sure that it can be written to: Chroma, which takes a second to
        import, opens it when the first vectors are added.
        """
        with self._guard("opening the index"), without_warnings():
            self.close()
            self._unused.zero_before_opening()
            if isinstance(self.where, Path) and not has_index(self.where):
                self.where.mkdir(parents=True, exist_ok=True)
                with TemporaryFile(dir=self.where):
                    self._is_new = True
                return
            self._client = open_client(self.where)
            try:
                self._find()
                self.check_fit(self._wanted)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        client, self._client, self._collection, self._is_new = self._client, None, None, False
        if client is not None:
            close_client(client)

    def __len__(self) -> int:
        with self._guard("reading the index"):
            return self._collection.count() if self._collection else 0

    def add(self, rows: Sequence[VectorRow], vectors: Vectors, *, embedder: str) -> None:
        """Write rows, replacing those that are there. All metadata each time, since Chroma merges it."""
        with self._guard("writing the index"), without_warnings():
            collection = self._collection or self._create(embedder, vectors.shape[1])
            for part in _parts(len(rows)):
                some = rows[part]
                collection.upsert(
                    ids=[row.id for row in some],
                    embeddings=vectors[part],
                    documents=[row.text for row in some],
                    metadatas=[{**row.metadata, _SCOPE: _encode(row.scope)} for row in some],
                )
            self._unused.zero_once()

    def get(self, ids: Sequence[str] | None = None, *, texts: bool = True) -> dict[str, VectorRow]:
        found: dict[str, VectorRow] = {}
        if self._collection is None:
            return found
        wanted: Any = ["metadatas", "documents"] if texts else ["metadatas"]
        for part in _parts(len(self) if ids is None else len(ids)):
            asked: dict[str, Any] = {"limit": _ROWS, "offset": part.start} if ids is None else {"ids": list(ids[part])}
            with self._guard("reading the index"):
                some = self._collection.get(**asked, include=wanted)
            documents = some["documents"] or [""] * len(some["ids"])
            for id, text, metadata in zip(some["ids"], documents, some["metadatas"] or (), strict=True):
                values: dict[str, Any] = dict(metadata or {})
                scope = _decode(str(values.pop(_SCOPE, "[]")))
                found[id] = VectorRow(id=id, scope=scope, text=text or "", metadata=values)
        return found

    def get_vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        found: dict[str, Vectors] = {}
        if self._collection is None:
            return found
        for part in _parts(len(ids)):
            with self._guard("reading the index"):
                some = self._collection.get(ids=list(ids[part]), include=["embeddings"])
                self._unused.zero_once()
            vectors = np.asarray(some["embeddings"], dtype=np.float32)
            if len(vectors) and vectors.shape[1] != self.dimension:
                raise self._misfit("dimension", vectors.shape[1], self.dimension)
            found.update(zip(some["ids"], vectors, strict=True))
        return found

    def search(self, query: Vectors, k: int, *, scope: Scope | None = None) -> list[tuple[str, float]]:
        """The k rows nearest to a unit vector by Chroma's own search, which is approximate, ranked again exactly."""
        if self._collection is None or k < 1:
            return []
        where: Any = None if scope is None else {_SCOPE: _encode(scope)}
        with self._guard("searching the index"):
            rows = self._collection.query(
                query_embeddings=query[None], n_results=_OVERFETCH * k, where=where, include=["embeddings"]
            )
            self._unused.zero_once()
        ids = rows["ids"][0]
        if not ids:
            return []
        cosines = similarities(np.asarray((rows["embeddings"] or [[]])[0], dtype=np.float32), query)
        ranked = sorted(zip(ids, map(float, cosines), strict=True), key=lambda row: (-row[1], row[0]))
        return ranked[:k]

    def delete(self, ids: Sequence[str]) -> None:
        for part in _parts(len(ids) if self._collection else 0):
            with self._guard("writing the index"):
                assert self._collection is not None
                self._collection.delete(ids=list(ids[part]))
                self._unused.zero_once()

    def sign(self, mark: str) -> None:
        """Leave a mark that tells other clients of a server that something changed."""
        with self._guard("writing the index"):
            if self._collection is not None:
                self._collection.modify(metadata={**self._described, "mark": mark})

    def refresh(self) -> None:
        """Read the mark again."""
        with self._guard("reading the index"), without_warnings():
            self._find()

    def check_fit(self, embedder: str | None) -> None:
        """Raise `WorkflowError` if the collection was made for another embedder (None: any), metric or layout."""
        if self._collection is None:
            return
        with without_warnings():
            space = (self._collection.configuration.get("hnsw") or {}).get("space")
        layout, made_for, size = (self._described.get(name) for name in ("layout", "embedder", "dimension"))
        for what, found, expected in (
            ("metric", space, _SPACE),
            ("embedder", made_for, embedder or made_for or "a name"),
            ("dimension", size, size if isinstance(size, int) else "a number"),
            ("layout", layout, _LAYOUT),
        ):
            if found != expected:
                raise self._misfit(what, found, expected)

    def _find(self) -> None:
        from chromadb.errors import NotFoundError

        assert self._client is not None
        try:
            self._collection = self._client.get_collection(self._name, embedding_function=None)
        except NotFoundError:
            self._collection = None

    def _create(self, embedder: str, dimension: int) -> Collection:
        from chromadb.api.collection_configuration import CreateCollectionConfiguration, CreateHNSWConfiguration

        if self._is_new:
            self._client, self._is_new = open_client(self.where), False
        assert self._client is not None
        # If another client of a server is first, this returns that one's, as it is.
        self._collection = self._client.get_or_create_collection(
            self._name,
            embedding_function=None,
            metadata={"layout": _LAYOUT, "embedder": embedder, "dimension": dimension},
            configuration=CreateCollectionConfiguration(hnsw=CreateHNSWConfiguration(space=_SPACE)),
        )
        self.check_fit(embedder)
        return self._collection

    def _misfit(self, what: str, found: object, expected: object) -> WorkflowError:
        label, advice = self._wording.label, self._wording.misfit
        return WorkflowError(f"{label}: the index was made with {what} {found}, expected {expected}. {advice}")

    def _guard(self, doing: str) -> _Guard:
        return _Guard(f"{self._wording.label}: {doing} failed", self._wording.fault)


class _Guard:
    """Turns whatever Chroma raises into a `RunError` that says where."""

    def __init__(self, what: str, advice: str) -> None:
        self._what, self._advice = what, advice

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if is_chroma_error(error) and not isinstance(error, SteError):
            raise RunError(f"{self._what} ({type(error).__name__}: {error}). {self._advice}") from error


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


def _parts(count: int) -> list[slice]:
    return [slice(start, start + _ROWS) for start in range(0, count, _ROWS)]


def _encode(scope: Scope) -> str:
    """The scope as one text, since Chroma's metadata are scalars."""
    return json.dumps(scope, ensure_ascii=False)


def _decode(text: str) -> Scope:
    return tuple(json.loads(text))
