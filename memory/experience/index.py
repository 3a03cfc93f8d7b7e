"""The index of a memory: the vectors of its entries, which can always be built again from the step logs."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ste_graph.contracts import Entry, Scope
from ste_graph.errors import RunError
from ste_graph.json_values import digest
from ste_graph.memory.experience.shared_index import SharedIndex, run_mark
from ste_graph.memory.vectors.chroma_client import Wording
from ste_graph.memory.vectors.chroma_workarounds import has_index
from ste_graph.memory.vectors.collection import VectorCollection
from ste_graph.memory.vectors.similarity import Vectors
from ste_graph.memory.vectors.vector_store import Metadata, VectorRow, VectorStore

_log = logging.getLogger("ste_graph.memory")
_SAFE = "Nothing is lost: the step logs hold every entry."


def entry_digest(entry: Entry) -> str:
    """A hash of an entry's content."""
    return digest([entry.scope, entry.text, entry.record])


def open_or_make_anew(folder: Path, table: str, wording: Wording, embedder: str) -> VectorCollection:
    """The collection in a folder; an empty one where the folder is damaged, which is then moved aside.

    A damage shows when the collection is opened, or when rows or vectors are read for the first time. Raises
    `RunError` where the folder cannot be used at all, and `WorkflowError` as a collection does.
    """
    try:
        collection = VectorCollection(folder, table, wording, embedder)
        try:
            rows = collection.get()
            collection.get_vectors(list(rows)[:1])
        except BaseException:
            collection.close()
            raise
        return collection
    except RunError as error:
        if not has_index(folder) or _is_no_damage(error):
            raise
        aside = folder.with_name(f"{folder.name}.damaged")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            folder.rename(aside)
        except OSError:
            raise error from None
        collection = VectorCollection(folder, table, wording, embedder)
        _log.warning("%s: the index is damaged, and made again; the old one is in %s", wording.label, aside)
        return collection


def _is_no_damage(error: RunError) -> bool:
    """True if a full disk or missing rights keep the index from being used."""
    return any(words in str(error) for words in ("disk is full", "No space left", "readonly", "ermission denied"))


class IndexedEntry(NamedTuple):
    """An entry as the index has it: a hash of its content, and the unit that made it."""

    digest: str
    unit: str


class EntryIndex:
    """The entries of one memory in a vector store of their own, or with those of other runs. Blocking.

    Raises:
        WorkflowError: when opened, if the collection was made for another embedder or metric.
        RunError: whenever it cannot be read or written.
    """

    def __init__(self, store: VectorStore, embedder: str, shared: SharedIndex | None = None) -> None:
        self._store, self._embedder, self._shared = store, embedder, shared

    @classmethod
    def open(
        cls, name: str, folder: Path, embedder: str, shared: SharedIndex | None = None, server: str | None = None,
        collection: str | None = None,
    ) -> EntryIndex:  # fmt: skip
        """The index of memory `name` in Chroma: in `folder`, or on a server under the name of a collection."""
        label = f"{server or folder}: memory `{name}`"
        # Chroma wants three characters at least, the last one a letter or digit.
        table = f"memory_{collection or name}_1"
        try:
            if server is not None and shared is None:
                table = f"memory_{name}_{run_mark(folder)}_1"
            wording = _wording(label, shared, server)
            if server is None and shared is None:
                store = open_or_make_anew(folder, table, wording, embedder)
            else:
                store = VectorCollection(server or folder, table, wording, embedder)
        except BaseException as error:
            if shared is not None:
                shared.leave()
            if isinstance(error, OSError):
                raise RunError(f"{label}: opening the index failed ({error.strerror}). {_SAFE}") from error
            raise
        return cls(store, embedder, shared)

    def read(self) -> tuple[dict[Scope, list[str]], dict[str, IndexedEntry]]:
        """The ids of the entries that other runs had left when this one began, by scope, oldest first; its own entries.

        No content is held: many runs may have left more than fits into memory.
        """
        if self._shared is None:
            return {}, {row.id: _indexed(row) for row in self._store.rows()}
        own: dict[str, IndexedEntry] = {}
        others: dict[str, tuple[int, Scope]] = {}
        scopes: dict[Scope, Scope] = {}
        for row in self._store.rows():
            if row.metadata["run"] == self._shared.run:
                own[_own_id(row)] = _indexed(row)
            else:
                others[row.id] = int(row.metadata["written"]), scopes.setdefault(row.scope, row.scope)
        earlier: dict[Scope, list[str]] = defaultdict(list)
        for id in self._shared.snapshot(lambda: sorted(others, key=lambda other: (others[other][0], other))):
            if id in others:
                earlier[others[id][1]].append(id)
        return earlier, own

    def read_earlier(self, ids: Sequence[str]) -> list[Entry]:
        """The entries of other runs by the ids that `read` gave, in their order; those that are gone are left out."""
        found = self._store.get(ids)
        return [_entry(found[id]) for id in ids if id in found]

    def get_vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of those of `ids` that are in the index."""
        keys = {self._key(id): id for id in ids}
        return {keys[key]: vector for key, vector in self._store.get_vectors(list(keys)).items()}

    def add(self, entries: Sequence[Entry], vectors: Vectors) -> None:
        """Write entries, replacing those that are there."""
        rows = [VectorRow(self._key(entry.id), entry.scope, entry.text, self._metadata(entry)) for entry in entries]
        self._store.add(rows, vectors, embedder=self._embedder)

    def delete(self, ids: Sequence[str]) -> None:
        """Remove entries."""
        self._store.delete([self._key(id) for id in ids])

    def close(self) -> None:
        """Let go of the files."""
        try:
            self._store.close()
        finally:
            if self._shared is not None:
                self._shared.leave()

    def _key(self, id: str) -> str:
        """The id of a row: in a shared index with the run before it, as two runs of a workflow have the same ids."""
        return id if self._shared is None or ":" in id else f"{self._shared.run}:{id}"

    def _metadata(self, entry: Entry) -> Metadata:
        if self._shared is None:
            return {"digest": entry_digest(entry)}
        record = json.dumps(entry.record, ensure_ascii=False)
        return {
            "digest": entry_digest(entry), "run": self._shared.run, "written": time.time_ns(), "record": record,
        }  # fmt: skip


def _indexed(row: VectorRow) -> IndexedEntry:
    return IndexedEntry(str(row.metadata["digest"]), row.scope[0] if row.scope else "")


def _own_id(row: VectorRow) -> str:
    return row.id.rpartition(":")[2]


def _entry(row: VectorRow) -> Entry:
    return Entry(id=row.id, scope=row.scope, text=row.text, record=json.loads(str(row.metadata["record"])))


def _wording(label: str, shared: SharedIndex | None, server: str | None) -> Wording:
    repair = "See that the server runs (`chroma run`)"
    if server is None:
        repair = "Make room or repair the folder" + (" (or delete it)" if shared is None else "")
    rebuild = "Delete the folder: it is built again from the step logs."
    if shared is not None:
        rebuild = f"Set that one, or give the memory another `{'path' if server is None else 'collection'}`."
    return Wording(label, f"{_SAFE} {repair}, then start the same run again.", rebuild)
