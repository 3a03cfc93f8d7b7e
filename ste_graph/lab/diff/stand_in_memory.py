"""A memory that shows records as a setting of `recall` does, without an index: for prompts that are only looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ste_graph.contracts import Entry, Json, Neighbour, Scope


@dataclass(frozen=True)
class StandInMemory:
    """A substitute for a memory of records. `recall` is that memory's setting."""

    recall: Any

    def open(self, name: str, folder: Path, *, lasting: bool) -> StandInStore:
        """The store."""
        return StandInStore(self.recall)


class StandInStore:
    """The records in order; the newest pass for the nearest, and words in another order for a placebo."""

    def __init__(self, recall: Any) -> None:
        self._recall = recall
        self._entries: dict[Scope, dict[str, Entry]] = defaultdict(dict)

    async def reconcile(self, entries: Iterable[Entry]) -> None: ...

    def add(self, entry: Entry) -> None:
        self._entries[entry.scope][entry.id] = entry

    async def recall(
        self, scope: Scope, *, like: str | None, seed: int, own: Sequence[Entry] = ()
    ) -> list[dict[str, Json]]:
        entries = await self.entries(scope, own=own)
        if self._recall == "shuffled":
            return [_shuffled(entry) for entry in entries]
        if hasattr(self._recall, "other_tool"):
            return [{**_shuffled(entry)} for entry in entries]
        most = getattr(self._recall, "diverse", None) or getattr(self._recall, "nearest", None) or len(entries)
        return [dict(entry.record) for entry in entries[-most:]]

    async def nearest(self, scope: Scope, text: str, k: int, *, own: Sequence[Entry] = ()) -> list[Neighbour]:
        words = set(text.split())
        found = [
            Neighbour(similarity=len(words & others) / max(1, len(words | others)), entry=entry)
            for entry in await self.entries(scope, own=own)
            for others in [set(entry.text.split())]
        ]
        return sorted(found, key=lambda near: -near.similarity)[:k]

    async def entries(self, scope: Scope, *, own: Sequence[Entry] = ()) -> list[Entry]:
        return [*self._entries[scope].values(), *own]

    async def similarities(self, text: str, others: Iterable[str]) -> list[float]:
        words = set(text.split())
        return [len(words & set(other.split())) / max(1, len(words | set(other.split()))) for other in others]

    def release(self, unit: str) -> None: ...

    async def close(self) -> None: ...


def _shuffled(entry: Entry) -> dict[str, Json]:
    """The record with the words of its text in another order."""
    text = " ".join(sorted(entry.text.split()))
    return {key: text if value == entry.text else value for key, value in entry.record.items()}
