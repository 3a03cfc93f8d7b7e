"""Exemplars of an earlier run, or of a store, lent to the nodes of this run: `{use: chroma, from: runs/…}`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ste_graph.contracts import Entry, Json, Neighbour, Origin, Scope, SelectedExemplars, SelectedLessons, Selection
from ste_graph.errors import RunError, WorkflowError
from ste_graph.finished import is_run, open_run
from ste_graph.ids import derive_id
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.held_out import held_out
from ste_graph.memory.exemplars.lessons import in_turn
from ste_graph.memory.exemplars.placebo import placebo
from ste_graph.memory.exemplars.rendering import as_text
from ste_graph.memory.exemplars.selection import Found
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.memory.vectors.snapshot import stood
from ste_graph.trials.lessons import lesson_text

if TYPE_CHECKING:
    from ste_graph.memory.experience.settings import Nearest
    from ste_graph.memory.vectors.embedders import Embedder


class ExemplarViewStore:
    """A store of exemplars as a run reads it: never written, and as it stood when the run began.

    Which exemplars there were is kept in the run's folder, so that a run taken up again sees the same.
    """

    def __init__(
        self,
        where: str,
        source: str,
        folder: Path,
        recall: Literal["all"] | Nearest,
        embedder: Embedder | str | None,
        without: str | None = None,
    ) -> None:
        self._where = where
        self._recall = recall
        self._among: dict[object, list[tuple[str, str]]] = {}
        self._gathering = threading.Lock()
        try:
            self._store = ExemplarStore.open(source, embedder=embedder)
            self._store.freeze(stood(folder / "exemplars.json", lambda: _not_held_out(self._store, without)))
            self._origin = _origin(source, self._store, without)
        except (WorkflowError, RunError) as error:
            raise type(error)(f"{where}: {error}") from error

    async def reconcile(self, entries: Iterable[Entry]) -> None:
        """Nothing: the run adds nothing here."""

    def add(self, entry: Entry) -> None:
        raise RunError(f"{self._where}: is read only, since it is lent by another run")

    async def recall(self, scope: Scope, *, like: str | None, seed: int) -> list[dict[str, Json]]:
        """The verified exemplars: all, in the order in which they came, or those most similar to `like`, best first."""
        if self._recall == "all" or like is None:
            exemplars = await asyncio.to_thread(self._store.exemplars)
            return [
                one.model_dump(mode="json")
                for one in exemplars
                if {"format", "execution"} <= {*one.verified} and not one.stale
            ]
        found = await self._store.asearch(like, self._recall.nearest)
        return [one.exemplar.model_dump(mode="json") for one in found]

    async def nearest(self, scope: Scope, text: str, k: int) -> list[Neighbour]:
        return [_near(found) for found in await self._store.asearch(text, max(k, 0))]

    async def entries(self, scope: Scope) -> list[Entry]:
        return [_entry(one) for one in await asyncio.to_thread(self._store.exemplars)]

    async def select_exemplars(
        self, query: str, selection: Selection, *, tools: Sequence[str] | None
    ) -> SelectedExemplars:
        """The exemplars for a request; with a `placebo` seed in the selection, a placebo of the same size too."""
        seed = selection.placebo
        found = await self._store.aselect(query, selection, tools=tools)
        exemplars = [one.exemplar for one in found]

        def text(*some: Exemplar) -> str:
            return as_text(some, observations=selection.shows_observations)

        def drawn() -> list[Exemplar]:
            among = self._lendable(selection, tools)
            return placebo(self._store, query, exemplars, selection, among=among, text=text)

        others = [] if seed is None else await asyncio.to_thread(drawn)
        return SelectedExemplars(
            text=text(*exemplars),
            exemplars=[one.model_dump(mode="json") for one in exemplars],
            origin=self._origin,
            placebo=None
            if seed is None
            else SelectedExemplars(text=text(*others), exemplars=[one.model_dump(mode="json") for one in others]),
        )

    async def select_lessons(self, query: str, *, tools: Sequence[str], per_tool: int, k: int) -> SelectedLessons:
        """The lessons for a request, first those of the tool whose exemplar is nearest; see `LessonView.select_lessons`.

        The exemplars that decide the order are verified and do not ask the very same. Tools that have none come last,
        as they stand in `tools`.
        """
        nearest = Selection(k=len(tools), per_tool=1, order="most_similar_first", allow_same_request=False)
        found = await self._store.aselect(query, nearest, tools=tools)
        order = dict.fromkeys([*(one.exemplar.tool for one in found), *tools])
        lessons = await asyncio.to_thread(self._store.learnt)
        chosen = in_turn(lessons, order, per_tool=per_tool, k=k)
        return SelectedLessons(
            lines=list(map(lesson_text, chosen)), ids=[one.id for one in chosen], origin=self._origin
        )

    async def similarities(self, text: str, others: Sequence[str]) -> list[float]:
        return await asyncio.to_thread(self._store.similarities, text, others)

    async def close(self) -> None:
        await asyncio.to_thread(self._store.close)

    def _lendable(self, selection: Selection, tools: Sequence[str] | None) -> list[tuple[str, str]]:
        """What a selection chooses among, gathered once for the same gates and tools."""
        key = (selection.gates, selection.paper, None if tools is None else frozenset(tools))
        with self._gathering:
            if key not in self._among:
                self._among[key] = self._store.lendable(selection, tools)
            return self._among[key]


def _near(found: Found) -> Neighbour:
    return Neighbour(similarity=found.similarity, entry=_entry(found.exemplar))


def _entry(one: Exemplar) -> Entry:
    return Entry(id=one.id, scope=(one.tool,), text=one.query, record=one.model_dump(mode="json"))


def _origin(source: str, store: ExemplarStore, without: str | None) -> Origin:
    """Which run the exemplars are of; a store that holds those of several is known by what it holds."""
    place = source if "://" in source else str(Path(source).resolve())
    left_out = open_run(without).id if without else None
    if is_run(Path(source)):
        return Origin(run_id=open_run(source).id, run=place, without=left_out)
    match [*{one.run for one in store.exemplars()}]:
        case [str(run)]:
            return Origin(run_id=run, run=place, without=left_out)
    return Origin(run_id=derive_id(*store.digests), run=place, without=left_out)


def _not_held_out(store: ExemplarStore, without: str | None) -> list[str]:
    """The ids of a store's exemplars, less those that say something of what the run `without` holds out."""
    out = held_out(Path(without), store.exemplars()) if without else frozenset()
    return [id for id in store.ids if id not in out]
