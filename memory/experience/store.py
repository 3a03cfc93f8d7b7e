"""An opened long-term memory."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from ste_graph.contracts import Entry, Json, LoggedEntries, Neighbour, Scope
from ste_graph.errors import RunError, SteError
from ste_graph.memory.batches import slices
from ste_graph.memory.experience.index import EntryIndex, entry_digest
from ste_graph.memory.experience.other_tool import OtherToolSource
from ste_graph.memory.experience.recall_settings import Diverse, Nearest, OtherTool, RecallSetting
from ste_graph.memory.experience.shuffling import shuffle_words
from ste_graph.memory.vectors.embedders import Embedder
from ste_graph.memory.vectors.similarity import Vectors, select_diverse, select_nearest, similarities
from ste_graph.memory.vectors.vector_table import VectorTable
from ste_graph.tracebacks import INTERRUPTS

_BATCH = 32
_BULK = 1024
_LINGER_S = 0.5
"""The longest time for which an entry waits for others to be indexed with it; nobody waits for the index."""


class _ScopeEntries:
    """The entries of one scope in order of adding, and the vectors of the first of them, as many as were needed."""

    def __init__(self) -> None:
        self.earlier: list[str] = []
        """The ids of the entries that other runs left, until they are read: when the scope is first asked for."""
        self.reading = asyncio.Lock()
        self.entries: list[Entry] = []
        self.vectors = VectorTable()
        self.filling = asyncio.Lock()

    @property
    def without_vector(self) -> list[Entry]:
        return self.entries[len(self.vectors) :]


class ExperienceStore:
    """An opened long-term memory.

    The step logs are the truth. What is recalled comes from working memory, which they fill; the index keeps the
    vectors, and is written behind, in batches across units. Within a scope everything is compared with everything:
    Chroma's approximate search misses up to a quarter of the nearest when filtered, and what it finds depends on the
    order of writing, which a resumed run does not repeat.
    """

    def __init__(self, where: str, index: EntryIndex, embedder: Embedder, recall: RecallSetting) -> None:
        self._where = where
        self._index = index
        self._embedder = embedder
        self._recall = recall
        self._other_tool: OtherToolSource | None = None
        self._scopes: dict[Scope, _ScopeEntries] = defaultdict(_ScopeEntries)
        self._digests: dict[str, str] = {}
        self._ahead: dict[str, Vectors] = {}
        """Vectors of entries that are not written yet, by id: those of a pass are needed before they are added."""
        self._indexed: set[str] = set()
        self._waiting: list[Entry] = []
        self._hurry = asyncio.Event()
        self._closing = False
        self._writer: asyncio.Task[None] | None = None
        self._fault: SteError | None = None

    async def reconcile(self, entries: Iterable[Entry]) -> None:
        if isinstance(self._recall, OtherTool):
            self._other_tool = await asyncio.to_thread(OtherToolSource, Path(self._recall.other_tool))
        earlier, stored = await asyncio.to_thread(self._index.read)
        if isinstance(entries, LoggedEntries):
            counts = Counter(own.unit for own in stored.values())
            whole = {unit for unit, count in entries.ended.items() if counts[unit] == count}
            stored = {id: own for id, own in stored.items() if own.unit not in whole}
            entries = (*entries.read(entries.ended.keys() - whole), *entries.current)
        for scope, ids in earlier.items():
            self._scopes[scope].earlier = ids
        for entry in entries:
            self._remember(entry)
        await asyncio.to_thread(self._index.delete, sorted(stored.keys() - self._digests.keys()))
        self._indexed = {id for id, own in stored.items() if self._digests.get(id) == own.digest}
        remembered = [entry for scope in self._scopes.values() for entry in scope.entries]
        missing = [entry for entry in remembered if entry.id not in self._indexed]
        for part in slices(len(missing), _BULK):
            await self._write(missing[part])

    def add(self, entry: Entry) -> None:
        if not self._remember(entry):
            return
        self._waiting.append(entry)
        if len(self._waiting) >= _BATCH:
            self._hurry.set()
        if self._fault is None and (self._writer is None or self._writer.done()):
            self._writer = asyncio.get_running_loop().create_task(self._write_behind())

    async def recall(
        self, scope: Scope, *, like: str | None, seed: int, own: Sequence[Entry] = ()
    ) -> list[dict[str, Json]]:
        self._raise_fault()
        entries = [*await self._read_entries(scope), *own]
        match self._recall:
            case "all":
                return [dict(entry.record) for entry in entries]
            case "shuffled":
                texts = shuffle_words([entry.text for entry in entries], seed)
                return [_replace_text(entry, text) for entry, text in zip(entries, texts, strict=True)]
            case Diverse(diverse=k):
                if len(entries) > k:
                    entries, vectors = await self._with_vectors(scope, own)
                    entries = [entries[row] for row in select_diverse(vectors, [entry.id for entry in entries], k)]
                return [dict(entry.record) for entry in entries]
            case Nearest(nearest=k):
                if like is None:
                    return [dict(entry.record) for entry in entries[-k:]]
                return [dict(near.entry.record) for near in await self.nearest(scope, like, k, own=own)]
            case OtherTool():
                if not entries or self._other_tool is None:
                    return []
                return self._other_tool.records(scope, str(entries[0].record.get("record")), len(entries))

    async def nearest(self, scope: Scope, text: str, k: int, *, own: Sequence[Entry] = ()) -> list[Neighbour]:
        self._raise_fault()
        if k < 1 or not (await self._read_entries(scope) or own):
            return []
        query = await self._embed([text])
        entries, vectors = await self._with_vectors(scope, own)
        found = select_nearest(vectors, [entry.id for entry in entries], query[0], k)
        return [Neighbour(similarity=similarity, entry=entries[row]) for row, similarity in found]

    async def entries(self, scope: Scope, *, own: Sequence[Entry] = ()) -> list[Entry]:
        self._raise_fault()
        return [*await self._read_entries(scope), *own]

    async def similarities(self, text: str, others: Sequence[str]) -> list[float]:
        vectors = await self._embed([text, *others])
        return list(map(float, similarities(vectors[1:], vectors[0])))

    def release(self, unit: str) -> None:
        for scope in [scope for scope in self._scopes if scope[0] == unit]:
            for entry in self._scopes.pop(scope).entries:
                self._digests.pop(entry.id, None)
                self._indexed.discard(entry.id)

    async def close(self) -> None:
        self._closing = True
        self._hurry.set()
        try:
            if self._writer is not None:
                await self._writer
        finally:
            await asyncio.to_thread(self._index.close)
        self._raise_fault()

    async def _read_entries(self, scope: Scope) -> list[Entry]:
        """The entries of a scope: first what other runs left there, read when it is first asked for."""
        if scope not in self._scopes:
            return []
        held = self._scopes[scope]
        async with held.reading:
            if held.earlier:
                earlier = await asyncio.to_thread(self._index.read_earlier, held.earlier)
                held.entries[:0] = earlier
                self._indexed.update(entry.id for entry in earlier)
                held.earlier = []
        return held.entries

    def _remember(self, entry: Entry) -> bool:
        """Add an entry to its scope; False if it is there already, as when a step is replayed."""
        digest = entry_digest(entry)
        if entry.id in self._digests:
            if self._digests[entry.id] != digest:
                raise RunError(
                    f"{self._where}: entry {entry.id} is there already with other content; ids must be unique"
                )
            return False
        self._digests[entry.id] = digest
        self._scopes[entry.scope].entries.append(entry)
        return True

    async def _with_vectors(self, scope: Scope, own: Sequence[Entry] = ()) -> tuple[list[Entry], Vectors]:
        """The entries of a scope with all their vectors: from the index if they are in it, else computed."""
        entries, vectors = await self._held_vectors(scope)
        if not own:
            return entries, vectors
        rest = await self._vectors_ahead(own)
        return [*entries, *own], np.concatenate([vectors, rest]) if entries else rest

    async def _held_vectors(self, scope: Scope) -> tuple[list[Entry], Vectors]:
        held = self._scopes[scope]
        async with held.filling:
            if missing := held.without_vector:
                ids = [entry.id for entry in missing if entry.id in self._indexed]
                stored = await asyncio.to_thread(self._index.get_vectors, ids) if ids else {}
                new = [entry for entry in missing if entry.id not in stored]
                if new:
                    vectors = await self._vectors_ahead(new)
                    stored |= {entry.id: vector for entry, vector in zip(new, vectors, strict=True)}
                held.vectors.append(np.array([stored[entry.id] for entry in missing], dtype=np.float32))
            return held.entries[: len(held.vectors)], held.vectors.rows

    async def _vectors_ahead(self, entries: Sequence[Entry]) -> Vectors:
        """The vectors of entries that are not in the index, each computed once: they are kept until it is there."""
        known = {entry.id: self._ahead[entry.id] for entry in entries if entry.id in self._ahead}
        if missing := [entry for entry in entries if entry.id not in known]:
            computed = await self._embed([entry.text for entry in missing])
            known |= {entry.id: vector for entry, vector in zip(missing, computed, strict=True)}
            self._ahead |= {entry.id: known[entry.id] for entry in missing if entry.id not in self._indexed}
        return np.array([known[entry.id] for entry in entries], dtype=np.float32)

    async def _embed(self, texts: list[str]) -> Vectors:
        try:
            return await self._embedder.embed(texts)
        except (SteError, *INTERRUPTS):
            raise
        except BaseException as error:
            raise RunError(
                f"{self._where}: embedding with {self._embedder.name} failed ({type(error).__name__}: {error}). "
                "Nothing is lost: repair it or set another `embedder`, then start the same run again."
            ) from error

    async def _write(self, entries: list[Entry]) -> None:
        vectors = await self._vectors_ahead(entries)
        await asyncio.to_thread(self._index.add, entries, vectors)
        self._indexed.update(entry.id for entry in entries)
        for entry in entries:
            self._ahead.pop(entry.id, None)

    async def _write_behind(self) -> None:
        try:
            while self._waiting:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._hurry.wait(), _LINGER_S)
                batch = self._waiting[:_BATCH]
                await self._write(batch)
                del self._waiting[: len(batch)]
                if len(self._waiting) < _BATCH and not self._closing:
                    self._hurry.clear()
        except SteError as error:
            self._fault = error

    def _raise_fault(self) -> None:
        if self._fault is not None:
            raise self._fault


def _replace_text(entry: Entry, text: str) -> dict[str, Json]:
    """The record with `text` in the place of its own: in every field that holds exactly the entry's text."""
    return {key: text if value == entry.text else value for key, value in entry.record.items()}
