"""The memories of a run: the open stores, and the views of them that one unit's nodes get."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial

from ste_graph.compile.channels import last_channel
from ste_graph.compile.flow import Flow
from ste_graph.contracts import (
    DrawnValue,
    Entry,
    ExemplarMemory,
    Json,
    LoggedEntries,
    Neighbour,
    RecordStore,
    Scope,
    SelectedExemplars,
    SelectedLessons,
    Selection,
    SimilarityMemory,
    ValueStore,
)
from ste_graph.errors import RunError, WorkflowError
from ste_graph.language.workflow import VALUES, MemorySpec, Workflow
from ste_graph.run.folder import RunFolder
from ste_graph.tools.threads import run_in_daemon_thread

EMPTY_VIEW: dict[str, Json] = {"empty": True, "entries": [], "messages": []}
"""A memory that is off, as a prompt sees it."""


@asynccontextmanager
async def open_stores(
    workflow: Workflow, folder: RunFolder, entries: Mapping[str, LoggedEntries], message: Callable[[str], None]
) -> AsyncIterator[dict[str, RecordStore]]:
    """Open the stores, by the names of their memories, holding exactly `entries`, by the same names.

    All are closed at the end, whatever happens to one of them.
    """
    async with AsyncExitStack() as stack:
        stores: dict[str, RecordStore] = {}
        for name, spec in workflow.memories.items():
            if spec.of in (None, VALUES):
                continue
            message(f"opening the memory `{name}`")
            lasting = spec.lives == "forever"
            stores[name] = await asyncio.to_thread(spec.memory.open, name, folder.memory(name), lasting=lasting)
            stack.push_async_callback(stores[name].close)
            await stores[name].reconcile(entries[name])
        yield stores


def memory_scope(memory: MemorySpec, flow: Flow, unit: str, state: Mapping[str, Json]) -> Scope:
    """The scope of entries that are made now: the unit, and the pass that each loop down to the memory's began last.

    Like a transcript or an output, an entry outlives its loop until a loop around that one starts a new pass.
    """
    if memory.lives not in flow.heads:
        return (unit,)
    loops = (*flow.heads[memory.lives].around, memory.lives)
    last = {loop: state[last_channel(loop)] for loop in loops}
    return (unit, *(f"{loop}={'-' if number is None else number}" for loop, number in last.items()))


@contextmanager
def stop_run_on_error() -> Iterator[None]:
    """Turn what a memory raises into a `RunError`: it would fail in every unit, so that the run must stop."""
    try:
        yield
    except WorkflowError as error:
        raise RunError(str(error)) from error


@dataclass(slots=True)
class MemoryView:
    """A record memory as one unit's nodes get it (the contract `RecordView`). `scope` moves with the unit.

    `own_entries` has the entries of a pass that no other may see yet.
    """

    store: RecordStore
    scope: Scope = ()
    own_entries: Callable[[Scope], list[Entry]] | None = None

    @property
    def _own(self) -> list[Entry]:
        return [] if self.own_entries is None else self.own_entries(self.scope)

    async def nearest(self, text: str, k: int = 1) -> list[Neighbour]:
        with stop_run_on_error():
            return await self.store.nearest(self.scope, text, k, own=self._own)

    async def entries(self) -> list[Entry]:
        with stop_run_on_error():
            return await self.store.entries(self.scope, own=self._own)

    async def select_exemplars(
        self, query: str, selection: Selection, *, tools: Sequence[str] | None
    ) -> SelectedExemplars:
        with stop_run_on_error():
            return await self._exemplar_memory.select_exemplars(query, selection, tools=tools)

    async def select_lessons(self, query: str, *, tools: Sequence[str], per_tool: int, k: int) -> SelectedLessons:
        with stop_run_on_error():
            return await self._exemplar_memory.select_lessons(query, tools=tools, per_tool=per_tool, k=k)

    async def similarities(self, text: str, others: Sequence[str]) -> list[float]:
        if not isinstance(self.store, SimilarityMemory):
            raise RunError("the memory cannot compare texts; name one with `use: chroma`")
        with stop_run_on_error():
            return await self.store.similarities(text, others)

    @property
    def _exemplar_memory(self) -> ExemplarMemory:
        if not isinstance(self.store, ExemplarMemory):
            raise RunError(
                "the memory holds this run's own records; what earlier runs learnt comes from one with `from: RUN`"
            )
        return self.store


@dataclass(slots=True)
class StoredValues:
    """A memory of values as one unit's nodes get it (the contract `ValueView`). `seed` changes with the step."""

    store: ValueStore
    seed: int = 0

    async def draw(self, tool: Mapping[str, Json], k: int) -> dict[str, list[DrawnValue]]:
        # A value is checked by the tool's own schema, which may hold that up.
        return await run_in_daemon_thread(partial(self.store.draw, tool, k, self.seed))


class NoMemoryView:
    """The view of a memory that is off."""

    async def draw(self, tool: Mapping[str, Json], k: int) -> dict[str, list[DrawnValue]]:
        return {}

    async def nearest(self, text: str, k: int = 1) -> list[Neighbour]:
        return []

    async def entries(self) -> list[Entry]:
        return []

    async def select_exemplars(
        self, query: str, selection: Selection, *, tools: Sequence[str] | None
    ) -> SelectedExemplars:
        return SelectedExemplars()

    async def select_lessons(self, query: str, *, tools: Sequence[str], per_tool: int, k: int) -> SelectedLessons:
        return SelectedLessons()

    async def similarities(self, text: str, others: Sequence[str]) -> list[float]:
        return []
