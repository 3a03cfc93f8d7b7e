"""The exemplars of an earlier run, or of a store, in a run: `{use: chroma, from: runs/…}`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ste_graph.contracts import Entry, Json, Neighbour, Origin, Scope, SelectedExemplars, SelectedLessons, Selection
from ste_graph.errors import RunError, WorkflowError
from ste_graph.finished import is_run, open_run
from ste_graph.ids import derive_id
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.held_out import find_held_out
from ste_graph.memory.exemplars.lessons import KeptLessons, read_kept_lessons, take_turns
from ste_graph.memory.exemplars.placebo import make_placebo
from ste_graph.memory.exemplars.rendering import exemplars_text
from ste_graph.memory.exemplars.source import is_address, locate_store
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.memory.vectors.snapshot import EXEMPLARS, snapshot_ids
from ste_graph.trials.lessons import lesson_text

if TYPE_CHECKING:
    from ste_graph.memory.vectors.embedders import Embedder


class ExemplarViewStore:
    """A store of exemplars as a run reads it: never written, and as it was when the run began.

    The ids of the exemplars that there were are kept in the run's folder, so that a resumed run sees the same.
    """

    def __init__(
        self,
        label: str,
        source: str,
        folder: Path,
        nearest: int | None,
        embedder: Embedder | str | None,
        without: str | None = None,
        tools: Collection[str] | None = None,
        since: str | None = None,
    ) -> None:
        self._label = label
        self._nearest = nearest
        """The number of nearest exemplars that `recall` returns; None: all."""
        self._candidates: dict[object, list[tuple[str, str]]] = {}
        self._collecting = threading.Lock()
        try:
            self._store = ExemplarStore.open(source, embedder=embedder)
            self._store.freeze(snapshot_ids(folder / EXEMPLARS, lambda: _ids_to_show(self._store, without, tools)))
            self._origin = _origin(source, self._store, without)
            self._kept = read_kept_lessons(source, since) if since is not None else None
        except (WorkflowError, RunError) as error:
            raise type(error)(f"{label}: {error}") from error

    async def reconcile(self, entries: Iterable[Entry]) -> None:
        """Nothing: the run adds nothing here."""

    def add(self, entry: Entry) -> None:
        raise RunError(f"{self._label}: is read only, since it belongs to another run")

    async def recall(
        self, scope: Scope, *, like: str | None, seed: int, own: Sequence[Entry] = ()
    ) -> list[dict[str, Json]]:
        """The verified exemplars: all, in the order in which they came, or those most similar to `like`, best first."""
        if self._nearest is None or like is None:
            exemplars = await asyncio.to_thread(self._store.exemplars)
            return [exemplar.model_dump(mode="json") for exemplar in exemplars if exemplar.is_verified]
        found = await self._store.asearch(like, self._nearest)
        return [match.exemplar.model_dump(mode="json") for match in found]

    async def nearest(self, scope: Scope, text: str, k: int, *, own: Sequence[Entry] = ()) -> list[Neighbour]:
        found = await self._store.asearch(text, max(k, 0))
        return [Neighbour(similarity=match.similarity, entry=_entry(match.exemplar)) for match in found]

    async def entries(self, scope: Scope, *, own: Sequence[Entry] = ()) -> list[Entry]:
        return list(map(_entry, await asyncio.to_thread(self._store.exemplars)))

    async def select_exemplars(
        self, query: str, selection: Selection, *, tools: Sequence[str] | None
    ) -> SelectedExemplars:
        """The exemplars for a request; with a `placebo` seed in the selection, a placebo of the same size too."""
        found = await self._store.aselect(query, selection, tools=tools)
        exemplars = [match.exemplar for match in found]

        def text(*some: Exemplar) -> str:
            return exemplars_text(some, observations=selection.shows_observations)

        def package(some: Sequence[Exemplar]) -> SelectedExemplars:
            data = [exemplar.model_dump(mode="json") for exemplar in some]
            return SelectedExemplars(text=text(*some), exemplars=data)

        def placebo() -> list[Exemplar]:
            candidates = self._collect_candidates(selection, tools)
            return make_placebo(query, exemplars, selection, candidates=candidates, get=self._store.get, text=text)

        others = None if selection.placebo is None else package(await asyncio.to_thread(placebo))
        return package(exemplars).model_copy(update={"origin": self._origin, "placebo": others})

    async def select_lessons(self, query: str, *, tools: Sequence[str], per_tool: int, k: int) -> SelectedLessons:
        """The lessons for a request, the tool of the nearest exemplar first; see `LessonView.select_lessons`.

        The exemplars that decide the order are verified and do not ask the very same. Tools without any come last, as
        they are ordered in `tools`; of a pack without any at all, the nearest first by their definitions. So are those
        of a run that went on from a pack, as the tools that it did not explore have no exemplars in it.
        """
        if self._kept is not None:
            order = await asyncio.to_thread(self._rank_by_definition, self._kept, query, tools)
            lessons = [*await asyncio.to_thread(self._store.all_lessons, tools), *self._kept.lessons]
        else:
            nearest = Selection(k=len(tools), per_tool=1, order="most_similar_first", allow_same_request=False)
            found = await self._store.aselect(query, nearest, tools=tools)
            lessons = await asyncio.to_thread(self._store.all_lessons, tools)
            others = await asyncio.to_thread(self._store.rank_tools, query, tools) if not found and lessons else tools
            order = list(dict.fromkeys([*(match.exemplar.tool for match in found), *others]))
        selected = take_turns(lessons, order, per_tool=per_tool, k=k)
        lines, ids = list(map(lesson_text, selected)), [lesson.id for lesson in selected]
        return SelectedLessons(lines=lines, ids=ids, origin=self._origin)

    def _rank_by_definition(self, kept: KeptLessons, query: str, tools: Sequence[str]) -> list[str]:
        near = dict(zip(tools, self._store.similarities(query, list(map(kept.describe, tools))), strict=True))
        return sorted(tools, key=lambda tool: -near[tool])

    async def similarities(self, text: str, others: Sequence[str]) -> list[float]:
        return await asyncio.to_thread(self._store.similarities, text, others)

    def release(self, unit: str) -> None:
        """Nothing: it holds nothing for a unit."""

    async def close(self) -> None:
        await asyncio.to_thread(self._store.close)

    def _collect_candidates(self, selection: Selection, tools: Sequence[str] | None) -> list[tuple[str, str]]:
        """The exemplars among which a selection chooses, collected once for the same gates and tools."""
        key = (selection.gates, selection.paper, None if tools is None else frozenset(tools))
        with self._collecting:
            if key not in self._candidates:
                self._candidates[key] = self._store.candidates(selection, tools)
            return self._candidates[key]


def _entry(exemplar: Exemplar) -> Entry:
    record = exemplar.model_dump(mode="json")
    return Entry(id=exemplar.id, scope=(exemplar.tool,), text=exemplar.query, record=record)


def _origin(source: str, store: ExemplarStore, without: str | None) -> Origin:
    """The run that the exemplars are of; a store that holds those of several is known by its content."""
    path = None if is_address(source) else locate_store(source)
    place = source if path is None else str(path.resolve())
    left_out = open_run(without).id if without else None
    if store.pack is not None:
        return Origin(run_id=store.pack.run_id, run=place, without=left_out)
    if path is not None and is_run(path):
        return Origin(run_id=open_run(path).id, run=place, without=left_out)
    match [*{exemplar.run for exemplar in store.read()}]:
        case [str(run)]:
            return Origin(run_id=run, run=place, without=left_out)
    return Origin(run_id=derive_id(*store.digests), run=place, without=left_out)


def _ids_to_show(store: ExemplarStore, without: str | None, tools: Collection[str] | None) -> list[str]:
    """The ids of a store's exemplars, less those that say something about what the run `without` holds out.

    Of other tools than `tools`, none; unset, all tools count.
    """
    if without is None and tools is None:
        return store.ids
    exemplars = store.exemplars()
    held_out = find_held_out(Path(without), exemplars) if without else frozenset()
    return sorted(each.id for each in exemplars if each.id not in held_out and (tools is None or each.tool in tools))
