"""An opened long-term memory."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from ste_graph.contracts import Entry, Json, Neighbour, Scope
from ste_graph.errors import RunError, SteError
from ste_graph.memory.experience.index import Index, digest
from ste_graph.memory.experience.other_tool import FrozenRun
from ste_graph.memory.experience.settings import Diverse, Nearest, OtherTool, Recalled
from ste_graph.memory.vectors.embedders import Embedder
from ste_graph.memory.vectors.similarity import Vectors, diverse, nearest, shuffled, similarities
from ste_graph.memory.vectors.vector_table import Shelf

_BATCH = 32
_BULK = 1024
_LINGER_S = 0.5
"""How long an entry waits at most for others to be indexed with it; nobody waits for the index."""


class ExperienceStore:
    """An opened long-term memory.

    The step logs are the truth. What is recalled comes from working memory, which they fill; the index keeps the
    vectors, and is written behind, in batches across units. Within a scope everything is compared with everything:
    Chroma's approximate search misses up to a quarter of the nearest when filtered, and what it finds depends on the
    order of writing, which a resumed run does not repeat.
    """

    def __init__(self, where: str, index: Index, embedder: Embedder, recall: Recalled) -> None:
        self._where = where
        self._index = index
        self._embedder = embedder
        self._recall = recall
        self._frozen: FrozenRun | None = None
        self._shelves: dict[Scope, Shelf] = defaultdict(Shelf)
        self._digests: dict[str, str] = {}
        self._indexed: set[str] = set()
        self._waiting: list[Entry] = []
        self._hurry = asyncio.Event()
        self._closing = False
        self._writer: asyncio.Task[None] | None = None
        self._filling: dict[Scope, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._fault: SteError | None = None

    async def reconcile(self, entries: Iterable[Entry]) -> None:
        if isinstance(self._recall, OtherTool):
            self._frozen = await asyncio.to_thread(FrozenRun, Path(self._recall.other_tool))
        earlier = await asyncio.to_thread(self._index.earlier)
        for entry in (*earlier, *entries):
            self._keep(entry)
        stored = await asyncio.to_thread(self._index.digests)
        await asyncio.to_thread(self._index.drop, sorted(stored.keys() - self._digests.keys()))
        self._indexed = {id for id, known in stored.items() if self._digests.get(id) == known}
        self._indexed.update(entry.id for entry in earlier)
        kept = [entry for shelf in self._shelves.values() for entry in shelf.entries]
        missing = [entry for entry in kept if entry.id not in self._indexed]
        for start in range(0, len(missing), _BULK):
            await self._write(missing[start : start + _BULK])

    def add(self, entry: Entry) -> None:
        if not self._keep(entry):
            return
        self._waiting.append(entry)
        if len(self._waiting) >= _BATCH:
            self._hurry.set()
        if self._fault is None and (self._writer is None or self._writer.done()):
            self._writer = asyncio.get_running_loop().create_task(self._write_behind())

    async def recall(self, scope: Scope, *, like: str | None, seed: int) -> list[dict[str, Json]]:
        self._raise_fault()
        entries = self._entries(scope)
        match self._recall:
            case "all":
                return [dict(entry.record) for entry in entries]
            case "shuffled":
                texts = shuffled([entry.text for entry in entries], seed)
                return [_reworded(entry, text) for entry, text in zip(entries, texts, strict=True)]
            case Diverse(diverse=k):
                if len(entries) > k:
                    entries, vectors = await self._filled(scope)
                    entries = [entries[row] for row in diverse(vectors, [entry.id for entry in entries], k)]
                return [dict(entry.record) for entry in entries]
            case Nearest(nearest=k):
                if like is None:
                    return [dict(entry.record) for entry in entries[-k:]]
                return [dict(near.entry.record) for near in await self.nearest(scope, like, k)]
            case OtherTool():
                if not entries or self._frozen is None:
                    return []
                return self._frozen.of_another_unit(scope, str(entries[0].record.get("record")), len(entries))

    async def nearest(self, scope: Scope, text: str, k: int) -> list[Neighbour]:
        self._raise_fault()
        if k < 1 or not self._entries(scope):
            return []
        query = await self._embedded([text])
        entries, vectors = await self._filled(scope)
        found = nearest(vectors, [entry.id for entry in entries], query[0], k)
        return [Neighbour(similarity=similarity, entry=entries[row]) for row, similarity in found]

    async def entries(self, scope: Scope) -> list[Entry]:
        self._raise_fault()
        return list(self._entries(scope))

    async def similarities(self, text: str, others: Sequence[str]) -> list[float]:
        vectors = await self._embedded([text, *others])
        return [float(one) for one in similarities(vectors[1:], vectors[0])]

    async def close(self) -> None:
        self._closing = True
        self._hurry.set()
        try:
            if self._writer is not None:
                await self._writer
        finally:
            await asyncio.to_thread(self._index.close)
        self._raise_fault()

    def _entries(self, scope: Scope) -> list[Entry]:
        return self._shelves[scope].entries if scope in self._shelves else []

    def _keep(self, entry: Entry) -> bool:
        """Put an entry on its shelf; False if it is there already, as when a step is replayed."""
        said = digest(entry)
        if entry.id in self._digests:
            if self._digests[entry.id] != said:
                raise RunError(
                    f"{self._where}: entry {entry.id} is there already with other content; ids must be unique"
                )
            return False
        self._digests[entry.id] = said
        self._shelves[entry.scope].entries.append(entry)
        return True

    async def _filled(self, scope: Scope) -> tuple[list[Entry], Vectors]:
        """The entries of a scope with all their vectors: from the index where they lie there, else computed."""
        shelf = self._shelves[scope]
        async with self._filling[scope]:
            if missing := shelf.unknown:
                ids = [entry.id for entry in missing if entry.id in self._indexed]
                stored = await asyncio.to_thread(self._index.vectors, ids) if ids else {}
                new = [entry for entry in missing if entry.id not in stored]
                if new:
                    made = await self._embedded([entry.text for entry in new])
                    stored |= {entry.id: vector for entry, vector in zip(new, made, strict=True)}
                shelf.fill(np.array([stored[entry.id] for entry in missing], dtype=np.float32))
            return shelf.entries[: len(shelf.vectors)], shelf.vectors

    async def _embedded(self, texts: list[str]) -> Vectors:
        try:
            return await self._embedder.embed(texts)
        except SteError:
            raise
        except Exception as error:
            raise RunError(
                f"{self._where}: embedding with {self._embedder.name} failed ({type(error).__name__}: {error}). "
                "Nothing is lost: mend it or set another `embedder`, then start the same run again."
            ) from error

    async def _write(self, entries: list[Entry]) -> None:
        vectors = await self._embedded([entry.text for entry in entries])
        await asyncio.to_thread(self._index.put, entries, vectors)
        self._indexed.update(entry.id for entry in entries)

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


def _reworded(entry: Entry, text: str) -> dict[str, Json]:
    """The record with `text` in the place of its own: in every field that holds exactly the entry's text."""
    return {key: text if value == entry.text else value for key, value in entry.record.items()}
