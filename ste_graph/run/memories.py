"""Memories of a run: the stores that are open, and what one unit may see of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ste_graph.compile.channels import last_channel
from ste_graph.compile.flow import Flow
from ste_graph.contracts import (
    Entry,
    ExemplarMemory,
    Json,
    Neighbour,
    RecordStore,
    Scope,
    SelectedExemplars,
    SelectedLessons,
    Selection,
    SimilarityMemory,
)
from ste_graph.errors import RunError, WorkflowError
from ste_graph.language.workflow import MemorySpec

EMPTY: dict[str, Json] = {"empty": True, "entries": [], "messages": []}
"""How a memory that is off looks to a prompt."""


def scope_of(memory: MemorySpec, flow: Flow, unit: str, state: Mapping[str, Json]) -> Scope:
    """Where entries made now are remembered: the unit, and the pass that each loop down to the memory's began last.

    Like a transcript or an output, an entry outlives its loop until a loop around that one starts a new pass.
    """
    if memory.lives not in flow.heads:
        return (unit,)
    loops = (*flow.heads[memory.lives].around, memory.lives)
    last = {loop: state[last_channel(loop)] for loop in loops}
    return (unit, *(f"{loop}={'-' if number is None else number}" for loop, number in last.items()))


@contextmanager
def whole_run_stops() -> Iterator[None]:
    """Around what is asked of a memory: what fails there would fail in every unit, so that the run must stop."""
    try:
        yield
    except WorkflowError as error:
        raise RunError(str(error)) from error


@dataclass(slots=True)
class UnitRecall:
    """A record memory as one unit's nodes see it (the contract `RecordView`). `scope` moves with the unit."""

    store: RecordStore
    scope: Scope = ()

    async def nearest(self, text: str, k: int = 1) -> list[Neighbour]:
        with whole_run_stops():
            return await self.store.nearest(self.scope, text, k)

    async def entries(self) -> list[Entry]:
        with whole_run_stops():
            return await self.store.entries(self.scope)

    async def select_exemplars(
        self, query: str, selection: Selection, *, tools: Sequence[str] | None
    ) -> SelectedExemplars:
        with whole_run_stops():
            return await self._lender.select_exemplars(query, selection, tools=tools)

    async def select_lessons(self, query: str, *, tools: Sequence[str], per_tool: int, k: int) -> SelectedLessons:
        with whole_run_stops():
            return await self._lender.select_lessons(query, tools=tools, per_tool=per_tool, k=k)

    async def similarities(self, text: str, others: Sequence[str]) -> list[float]:
        if not isinstance(self.store, SimilarityMemory):
            raise RunError("the memory cannot say how alike texts are; name one with `use: chroma`")
        with whole_run_stops():
            return await self.store.similarities(text, others)

    @property
    def _lender(self) -> ExemplarMemory:
        if not isinstance(self.store, ExemplarMemory):
            raise RunError("the memory keeps this run's own records; those to show come from one with `from: RUN`")
        return self.store


class NoRecall:
    """A memory that is off."""

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
