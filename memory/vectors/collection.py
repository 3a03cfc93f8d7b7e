"""A Chroma collection of unit vectors, in a folder or on a server: cosine, for one embedder, checked on opening."""

from __future__ import annotations

import shutil
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import numpy as np

from ste_graph.errors import RunError, SteError, WorkflowError
from ste_graph.memory.vectors.chroma_workarounds import UnusedRoom
from ste_graph.memory.vectors.similarity import Vectors

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

ROWS = 5000
"""Rows in one call; Chroma's own maximum is 5461 (SQLite's limit of variables)."""

SPACE: Literal["cosine"] = "cosine"
"""Set when the collection is made, since Chroma's own is l2; an open collection would not take another."""


def client_of(where: str | Path) -> ClientAPI:
    """The client of a folder, or of a server's address. Raises whatever Chroma raises."""
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    if isinstance(where, Path):
        where.mkdir(parents=True, exist_ok=True)
        try:
            return chromadb.PersistentClient(where, settings)
        except BaseException:
            _forget_half_started(where)
            raise
    parts = urlsplit(where)
    ssl = parts.scheme == "https"
    return chromadb.HttpClient(
        parts.hostname or "localhost", parts.port or (443 if ssl else 8000), ssl, settings=settings
    )


def _forget_half_started(where: Path) -> None:
    """Chroma keeps what did not start, and gives it to whoever opens the folder next, mended or not."""
    from chromadb.api.shared_system_client import SharedSystemClient as Started

    if str(where) not in Started._identifier_to_refcount:
        Started._identifier_to_system.pop(str(where), None)


def shut(client: ClientAPI) -> None:
    """Close a client, and the connections that Chroma's own HTTP clients leave open."""
    client.close()  # type: ignore[attr-defined]  # the client has it, its interface does not say so
    for half in (client, getattr(client, "_admin_client", None)):
        session = getattr(getattr(half, "_server", None), "_session", None)
        if session is not None:
            session.close()


class VectorCollection:
    """The collection `name`, made when the first vectors are put into it. Blocking; not for several threads at once.

    Raises:
        WorkflowError: when opened, if the collection has another metric, or was made for another embedder than
            `embedder` (None: for whichever it was made).
        RunError: whenever Chroma cannot read or write.
    """

    def __init__(self, where: str | Path, name: str, embedder: str | None, remedy: str) -> None:
        self.where, self._name, self._remedy = where, name, remedy
        self.lock = threading.RLock()
        self.seen: str | None = None
        """The state of the folder that this client has seen, for its users to keep."""
        self._wanted = embedder
        self.users = 1
        self._client: ClientAPI | None = None
        self._collection: Collection | None = None
        self._unused = UnusedRoom(where)
        self.open()

    @property
    def embedder(self) -> str | None:
        """The name of the embedder that it was made for; None while it holds nothing."""
        return str(self._said["embedder"]) if self._collection is not None else self._wanted

    @property
    def dimension(self) -> int | None:
        """How many numbers a vector has; None while it holds nothing."""
        return int(self._said["dimension"]) if self._collection is not None else None

    @property
    def mark(self) -> str | None:
        """What the last writer left as its mark."""
        return str(self._said.get("mark")) if self._collection is not None else None

    @property
    def _said(self) -> Mapping[str, Any]:
        assert self._collection is not None
        return self._collection.metadata or {}

    def open(self) -> None:
        """Open the collection, or open it anew: a client does not see into the index what another process wrote."""
        from chromadb.errors import NotFoundError

        with self._guard("opening the index"), _without_chatter():
            self._shut()
            self._unused.blank()
            self._client = client_of(self.where)
            try:
                try:
                    self._collection = self._client.get_collection(self._name, embedding_function=None)
                except NotFoundError:
                    self._collection = None
                else:
                    self.fits(self._wanted)
            except BaseException:
                self._shut()
                raise

    def close(self) -> None:
        """Let go of the files, once the last of those who share it does."""
        with _sharing:
            self.users -= 1
            if self.users > 0:
                return
            if _shared.get(self.where) is self:
                del _shared[self.where]
        self._shut()

    def _shut(self) -> None:
        client, self._client, self._collection = self._client, None, None
        if client is not None:
            shut(client)

    def count(self) -> int:
        """How many rows it holds."""
        with self._guard("reading the index"):
            return self._collection.count() if self._collection else 0

    def rows(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The id and the metadata of every row."""
        for start in range(0, self.count(), ROWS):
            with self._guard("reading the index"):
                assert self._collection is not None
                some = self._collection.get(limit=ROWS, offset=start, include=["metadatas"])
            yield from zip(some["ids"], some["metadatas"] or [], strict=True)

    def vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of those of `ids` that are there."""
        found: dict[str, Vectors] = {}
        if self._collection is None:
            return found
        for start in range(0, len(ids), ROWS):
            with self._guard("reading the index"):
                some = self._collection.get(ids=list(ids[start : start + ROWS]), include=["embeddings"])
                self._unused.blank_again()
            vectors = np.asarray(some["embeddings"], dtype=np.float32)
            if len(vectors) and vectors.shape[1] != self.dimension:
                raise self._misfit("dimension", vectors.shape[1], self.dimension)
            found.update(zip(some["ids"], vectors, strict=True))
        return found

    def metadata(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """The metadata of those of `ids` that are there."""
        found: dict[str, Mapping[str, Any]] = {}
        if self._collection is None:
            return found
        for start in range(0, len(ids), ROWS):
            with self._guard("reading the index"):
                some = self._collection.get(ids=list(ids[start : start + ROWS]), include=["metadatas"])
            found.update(zip(some["ids"], some["metadatas"] or [], strict=True))
        return found

    def put(
        self, ids: Sequence[str], vectors: Vectors, texts: Sequence[str], metadata: Sequence[Mapping[str, Any]],
        embedder: str,
    ) -> None:  # fmt: skip
        """Write rows, anew where they are there. All metadata each time, since Chroma merges it."""
        with self._guard("writing the index"), _without_chatter():
            collection = self._collection or self._made(embedder, vectors.shape[1])
            for start in range(0, len(ids), ROWS):
                part = slice(start, start + ROWS)
                collection.upsert(
                    ids=list(ids[part]),
                    embeddings=vectors[part],
                    documents=list(texts[part]),
                    metadatas=[dict(said) for said in metadata[part]],
                )
            self._unused.blank_again()

    def drop(self, ids: Sequence[str]) -> None:
        """Take rows out."""
        for start in range(0, len(ids), ROWS):
            with self._guard("writing the index"):
                assert self._collection is not None
                self._collection.delete(ids=list(ids[start : start + ROWS]))
                self._unused.blank_again()

    def sign(self, mark: str) -> None:
        """Leave a mark that tells other clients of a server that something changed."""
        with self._guard("writing the index"):
            if self._collection is not None:
                self._collection.modify(metadata={**self._said, "mark": mark})

    def refresh(self) -> None:
        """Read the mark again."""
        from chromadb.errors import NotFoundError

        with self._guard("reading the index"), _without_chatter():
            assert self._client is not None
            try:
                self._collection = self._client.get_collection(self._name, embedding_function=None)
            except NotFoundError:
                self._collection = None

    def delete(self) -> None:
        """Delete the collection."""
        from chromadb.errors import NotFoundError

        with self._guard("writing the index"):
            assert self._client is not None
            with suppress(NotFoundError):
                self._client.delete_collection(self._name)
            self._collection = None

    def _made(self, embedder: str, dimension: int) -> Collection:
        from chromadb.api.collection_configuration import CreateCollectionConfiguration, CreateHNSWConfiguration

        assert self._client is not None
        # Should another client of a server be first, it gives that one's, as it is.
        self._collection = self._client.get_or_create_collection(
            self._name,
            embedding_function=None,
            metadata={"embedder": embedder, "dimension": dimension},
            configuration=CreateCollectionConfiguration(hnsw=CreateHNSWConfiguration(space=SPACE)),
        )
        self.fits(embedder)
        return self._collection

    def fits(self, embedder: str | None) -> None:
        """Raise `WorkflowError` if the collection was made for another embedder (None: any will do), or metric."""
        if self._collection is None:
            return
        with _without_chatter():
            space = (self._collection.configuration.get("hnsw") or {}).get("space")
        made_for, size = self._said.get("embedder"), self._said.get("dimension")
        wanted = embedder or made_for or "a name"
        kept = size if isinstance(size, int) else "a number"
        for what, found, expected in (
            ("metric", space, SPACE),
            ("embedder", made_for, wanted),
            ("dimension", size, kept),
        ):
            if found != expected:
                raise self._misfit(what, found, expected)

    def _misfit(self, what: str, found: object, expected: object) -> WorkflowError:
        return WorkflowError(
            f"{self.where}: the index was made with {what} {found}, expected {expected}. {self._remedy}"
        )

    def _guard(self, doing: str) -> _Guard:
        remedy = self._remedy
        if isinstance(self.where, Path) and doing.startswith("writing"):
            remedy = f"Nothing acknowledged is lost. Make room, then do it again. If there is room: {remedy}"
        return _Guard(f"{self.where}: {doing} failed", remedy)


_shared: dict[str | Path, VectorCollection] = {}
_sharing = threading.Lock()


def shared(where: Path, name: str, embedder: str | None, remedy: str) -> VectorCollection:
    """The collection in a folder: one object for all of this process.

    Chroma's client is one and the same for them too, and must be opened anew once another process has written.
    """
    where = where.resolve()
    with _sharing:
        if (there := _shared.get(where)) is None:
            there = _shared[where] = VectorCollection(where, name, embedder, remedy)
        else:
            there.fits(embedder)
            there.users += 1
        return there


def embedder_of(where: Path, name: str) -> str | None:
    """The name of the embedder that a collection was made for; None where there is none, or it cannot be read."""
    if not where.is_dir():
        return None
    with suppress(SteError):
        there = shared(where, name, None, "")
        try:
            return there.embedder
        finally:
            there.close()
    return None


def remove(where: Path) -> None:
    """Remove the folder of a collection, damaged or not. Raises `RunError`."""
    where = where.resolve()
    with _sharing:
        if where in _shared:
            _shared[where]._shut()
            _shared[where].seen = None
    try:
        shutil.rmtree(where, ignore_errors=False)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise RunError(
            f"{where}: cannot be removed ({error.strerror}); remove it yourself, then do it again"
        ) from error


class _Guard:
    """Turns whatever Chroma raises into a `RunError` that says where."""

    def __init__(self, what: str, remedy: str) -> None:
        self._what, self._remedy = what, remedy

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, SteError):
            raise RunError(f"{self._what} ({type(error).__name__}: {error}). {self._remedy}") from error


class _without_chatter(warnings.catch_warnings):  # a context manager, read as a verb
    """Chroma calls its own way of saying "no embedding function" legacy."""

    def __enter__(self) -> Any:
        entered = super().__enter__()
        warnings.filterwarnings("ignore", "legacy embedding function config", DeprecationWarning)
        return entered
