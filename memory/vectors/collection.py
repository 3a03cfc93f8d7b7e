"""A Chroma collection as a vector store, in a folder or on a server: cosine, for one embedder, checked on opening."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from ste_graph.contracts import Scope
from ste_graph.errors import WorkflowError
from ste_graph.memory.batches import slices
from ste_graph.memory.vectors.chroma_client import Guard, Wording, open_client
from ste_graph.memory.vectors.chroma_workarounds import (
    UnusedPages,
    close_client,
    has_index,
    without_warnings,
)
from ste_graph.memory.vectors.similarity import TIE_DECIMALS, Vectors
from ste_graph.memory.vectors.vector_store import Metadata, VectorRow

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

ROWS = 5000
"""Rows in one call; Chroma's own maximum is 5461 (SQLite's limit of variables)."""

_SPACE: Literal["cosine"] = "cosine"
"""Set when the collection is created, since Chroma's own is l2; an open collection would not take another."""

_LAYOUT: Final = 2
"""The version of a collection's layout. 1: scopes were texts."""

_OVERFETCH: Final = 4
"""Rows asked for per row wanted in a search: Chroma's is approximate, and what it finds is ranked again exactly."""

_LEAST_FETCHED: Final = 256
"""Chroma looks at as many candidates as it is asked for rows, and at 100 otherwise, which misses one in 25."""

_SCOPE: Final = "scope"


class VectorCollection:
    """The collection `name` as a `VectorStore`, created when the first vectors are added.

    Raises:
        WorkflowError: when opened, if the collection has another metric or layout, or was made for another embedder
            than `embedder` (None: any).
        RunError: whenever Chroma cannot read or write.
    """

    def __init__(
        self, where: str | Path, name: str, wording: Wording, embedder: str | None = None,
        layouts: Sequence[int] = (_LAYOUT,),
    ) -> None:  # fmt: skip
        self.where = where
        self.lock = threading.RLock()
        """For who shares the collection among threads."""
        self.generation: str | None = None
        """The state of the folder that this client has read, for its users to keep."""
        self._name, self._wording, self._wanted = name, wording, embedder
        self._layouts = layouts
        """The versions of the layout that it may have; the first is that of a new one."""
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
    def _described(self) -> Mapping[str, Any]:
        assert self._collection is not None
        return self._collection.metadata or {}

    def open(self) -> None:
        """Open the collection, again if need be: a client does not see into the index what another process wrote.

        Of a folder without an index it only makes sure that it can be written to: Chroma, which takes a second to
        import, opens it when the first vectors are added.
        """
        with self.guard("opening the index"), without_warnings():
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
        with self.guard("reading the index"):
            return self._collection.count() if self._collection else 0

    def add(self, rows: Sequence[VectorRow], vectors: Vectors, *, embedder: str) -> None:
        """Write rows, replacing those that are there. All metadata each time, since Chroma merges it."""
        with self.guard("writing the index"), without_warnings():
            collection = self._collection or self._create(embedder, vectors.shape[1])
            for part in slices(len(rows), ROWS):
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
        for rows in self._read_parts(ids, ["metadatas", "documents"] if texts else ["metadatas"]):
            documents = rows["documents"] or [""] * len(rows["ids"])
            for id, text, metadata in zip(rows["ids"], documents, rows["metadatas"] or (), strict=True):
                found[id] = _make_row(id, text, metadata)
        return found

    def ids(self) -> list[str]:
        """The ids of all rows, in the order in which they came."""
        return [id for rows in self._read_parts(None, []) for id in rows["ids"]]

    def rows(self, where: Metadata | None = None) -> Iterator[VectorRow]:
        for rows in self._read_parts(None, ["metadatas"], where):
            for id, metadata in zip(rows["ids"], rows["metadatas"] or (), strict=True):
                yield _make_row(id, "", metadata)

    def get_vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        found: dict[str, Vectors] = {}
        if self._collection is None:
            return found
        for part in slices(len(ids), ROWS):
            with self.guard("reading the index"):
                some = self._collection.get(ids=list(ids[part]), include=["embeddings"])
                self._unused.zero_once()
            vectors = np.asarray(some["embeddings"], dtype=np.float32)
            if len(vectors) and vectors.shape[1] != self.dimension:
                raise self._misfit("dimension", vectors.shape[1], self.dimension)
            found.update(zip(some["ids"], vectors, strict=True))
        return found

    def search(self, query: Vectors, k: int, *, scope: Scope | None = None) -> list[tuple[str, float]]:
        """The k rows nearest to a unit vector by Chroma's own search, which is approximate, over-fetched."""
        if self._collection is None or k < 1:
            return []
        with self.guard("searching the index"):
            found = self._query(query, max(_OVERFETCH * k, _LEAST_FETCHED), scope)
            self._unused.zero_once()
        return sorted(found, key=lambda row: (-row[1], row[0]))[:k]

    def _query(self, query: Vectors, count: int, scope: Scope | None) -> list[tuple[str, float]]:
        """The ids and cosines of about the nearest rows; these cosines are exact, which rows there are is not."""
        assert self._collection is not None
        where: Any = None if scope is None else {_SCOPE: _encode(scope)}
        rows = self._collection.query(query_embeddings=query[None], n_results=count, where=where, include=["distances"])
        distances = (rows["distances"] or [[]])[0]
        cosines = (min(max(round(1 - distance, TIE_DECIMALS), -1.0), 1.0) for distance in distances)
        return list(zip(rows["ids"][0], cosines, strict=True))

    def _read_parts(self, ids: Sequence[str] | None, wanted: Any, where: Metadata | None = None) -> Iterator[Any]:
        """The rows that Chroma gives for some ids or for all, one call at a time."""
        if self._collection is None:
            return
        for part in slices(len(self) if ids is None else len(ids), ROWS):
            asked: dict[str, Any] = {"ids": list(ids[part])} if ids is not None else {
                "limit": ROWS, "offset": part.start, "where": where
            }  # fmt: skip
            with self.guard("reading the index"):
                rows = self._collection.get(**asked, include=wanted)
            yield rows
            if ids is None and len(rows["ids"]) < ROWS:
                return

    def delete(self, ids: Sequence[str]) -> None:
        for part in slices(len(ids) if self._collection else 0, ROWS):
            with self.guard("writing the index"):
                assert self._collection is not None
                self._collection.delete(ids=list(ids[part]))
                self._unused.zero_once()

    def refresh(self) -> None:
        """Look for the collection again: another client of a server may have made it."""
        with self.guard("reading the index"), without_warnings():
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
            ("layout", layout, layout if layout in self._layouts else self._layouts[0]),
        ):
            if found != expected:
                raise self._misfit(what, found, expected)

    def open_beside(self, name: str, configuration: Any) -> Collection:
        """A collection of the same server, created if need be."""
        assert self._client is not None
        return self._client.get_or_create_collection(
            f"{self._name}.{name}", embedding_function=None, configuration=configuration
        )

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
            metadata={"layout": self._layouts[0], "embedder": embedder, "dimension": dimension},
            configuration=CreateCollectionConfiguration(hnsw=CreateHNSWConfiguration(space=_SPACE)),
        )
        self.check_fit(embedder)
        return self._collection

    def _misfit(self, what: str, found: object, expected: object) -> WorkflowError:
        label, advice = self._wording.label, self._wording.misfit
        return WorkflowError(f"{label}: the index was made with {what} {found}, expected {expected}. {advice}")

    def guard(self, doing: str) -> Guard:
        """Around whatever Chroma does: its errors as `RunError`."""
        return Guard(f"{self._wording.label}: {doing} failed", self._wording.fault)


def _make_row(id: str, text: str | None, metadata: Mapping[str, Any] | None) -> VectorRow:
    values: dict[str, Any] = dict(metadata or {})
    scope = _decode(str(values.pop(_SCOPE, "[]")))
    return VectorRow(id=id, scope=scope, text=text or "", metadata=values)


def _encode(scope: Scope) -> str:
    """The scope as one text, since Chroma's metadata are scalars."""
    return json.dumps(scope, ensure_ascii=False)


def _decode(text: str) -> Scope:
    return tuple(json.loads(text))
