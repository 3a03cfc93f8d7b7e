"""A memory without an index: the records in order, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from ste_graph.contracts import Entry, Frozen, Json, Neighbour, Scope
from ste_graph.errors import WorkflowError


class ListMemory(Frozen):
    """Every record of its lifetime, oldest first. It has no search by meaning, and so needs no embedder."""

    holds: ClassVar[Literal["records"]] = "records"

    def open(self, name: str, folder: Path, *, lasting: bool = False) -> ListStore:
        """The store of memory `name`. It writes nothing, since the step logs hold it all: no other run can read it."""
        return ListStore(name)


class ListStore:
    """An opened `ListMemory`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._entries: dict[Scope, dict[str, Entry]] = defaultdict(dict)

    async def reconcile(self, entries: Iterable[Entry]) -> None:
        """Nothing: what a resumed run has logged is added as its steps are replayed."""

    def add(self, entry: Entry) -> None:
        self._entries[entry.scope][entry.id] = entry

    async def recall(
        self, scope: Scope, *, like: str | None, seed: int, own: Sequence[Entry] = ()
    ) -> list[dict[str, Json]]:
        return [dict(entry.record) for entry in (*self._entries[scope].values(), *own)]

    async def nearest(self, scope: Scope, text: str, k: int, *, own: Sequence[Entry] = ()) -> list[Neighbour]:
        raise WorkflowError(f"memory `{self._name}`: `use: list` has no search by meaning; set `use: chroma`")

    async def entries(self, scope: Scope, *, own: Sequence[Entry] = ()) -> list[Entry]:
        return [*self._entries[scope].values(), *own]

    def release(self, unit: str) -> None:
        for scope in [scope for scope in self._entries if scope[0] == unit]:
            del self._entries[scope]

    async def close(self) -> None: ...
