"""The store of exemplars that everybody's agent reads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ste_graph.contracts import VERIFIED, Message, Selection
from ste_graph.distil.reading.normalisation import words
from ste_graph.errors import WorkflowError
from ste_graph.finished import is_run, open_run
from ste_graph.memory.batches import slices
from ste_graph.memory.exemplars.adoption import are_lessons_adopted, require_adopted
from ste_graph.memory.exemplars.backends.backend import BATCH, Backend
from ste_graph.memory.exemplars.backends.folder import WAIT_S, StoreFolder
from ste_graph.memory.exemplars.backends.folder_backend import (
    FolderBackend,
    compare_folder,
    read_embedder,
    remove_index,
)
from ste_graph.memory.exemplars.backends.pack_backend import PackBackend
from ste_graph.memory.exemplars.backends.run_backend import RunBackend
from ste_graph.memory.exemplars.exemplar import Exemplar, make_storable
from ste_graph.memory.exemplars.lessons import take_turns
from ste_graph.memory.exemplars.rendering import SEPARATOR, Form, as_messages, exemplars_text
from ste_graph.memory.exemplars.search.cache import ExemplarCache
from ste_graph.memory.exemplars.search.embedder import StoreEmbedder, check_count
from ste_graph.memory.exemplars.search.searchable import SearchableExemplars, Wanted
from ste_graph.memory.exemplars.search.server_exemplars import ServerExemplars
from ste_graph.memory.exemplars.selection import ExemplarMatch, select_matches
from ste_graph.memory.exemplars.source import is_address, locate_store
from ste_graph.memory.vectors.similarity import Vectors, similarities
from ste_graph.packs.manifest import is_pack
from ste_graph.packs.pack import Pack
from ste_graph.text import approximate_tokens
from ste_graph.trials.lessons import Lesson, lesson_text, rank_lessons

if TYPE_CHECKING:
    from ste_graph.memory.vectors.embedders import Embedder

__all__ = ["VERIFIED", "ExemplarStore"]

PACK_LESSONS = 3
"""Lessons of a pack that are shown unless told otherwise."""


class ExemplarStore:
    """Exemplars of a run, in a folder, or on a Chroma server, searched by the meaning of their requests.

    All vectors are compared, in working memory. A server searches by itself, so that none of its data are held
    here. Any number of threads and processes may read and write; in a folder, one writes at a time and the others wait.
    """

    def __init__(self, exemplars: SearchableExemplars, pack: Pack | None = None) -> None:
        self.pack = pack
        """The pack that it reads; None if it reads something else."""
        self.teaches = True
        """True if it returns the lessons that its trials teach."""
        self._exemplars = exemplars

    # Opening

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        embedder: Embedder | str | None = None,
        create: bool = False,
        only_if: str | os.PathLike[str] | None = None,
        older: bool = False,
    ) -> Self:
        """The store in a folder, of a run or a pack (by its folder), or on a Chroma server (`http://…`, `https://…`).

        A run is read from its journal, and nothing is written into it; of a run of parts, the only part that has
        exemplars is meant. A pack is read only; it has what was adopted, for the tools that it was adopted for. The
        embedder is the one that the store was made with, unless one is given: then the two must agree. `only_if` names
        the run of an evaluation; if that adopted exemplars alone, the store has no lessons, and if it adopted them for
        some tools, it omits those of the others. `older`: also what an earlier version has left on a server, for
        `exemplars` alone.

        Raises:
            WorkflowError: there is no store, it was made with another embedder or metric, or the evaluation `only_if`
                has not adopted its exemplars.
            RunError: the folder or the server cannot be used.
        """
        source = os.fspath(path)
        tools = None if only_if is None else require_adopted(source, os.fspath(only_if))
        place = source
        if not is_address(source):
            if create and not is_run(Path(source)) and not is_pack(Path(source)):
                StoreFolder(Path(source)).create()
            place = str(locate_store(source))
        wanted = StoreEmbedder(place, embedder)
        if is_address(place):
            store = cls(ServerExemplars(place, wanted, older=older))
        else:
            store = cls._read(Path(place), wanted)
        store.teaches = only_if is None or are_lessons_adopted(source, os.fspath(only_if))
        if tools is not None:
            store.freeze(exemplar.id for exemplar in store.exemplars() if exemplar.tool in tools)
        return store

    @classmethod
    def rebuild(cls, path: str | os.PathLike[str], *, embedder: Embedder | str | None = None) -> Self:
        """Make the index of a store again from its log, and open it; of a run, compute its cached vectors again.

        With another `embedder` a store in a folder is of that one from then on; without, it stays with its own.
        """
        if is_address(path):
            raise WorkflowError(
                f"{os.fspath(path)}: a server keeps no log from which an index could be made; "
                "use `ste memory export`, a new server, and `ste memory import`"
            )
        place = locate_store(path)
        wanted = StoreEmbedder(str(place), embedder)
        if not is_pack(place) and not is_run(place):
            folder = StoreFolder(place)
            with folder.hold(WAIT_S):
                # Before anything is removed: an index that is there is better than none.
                if (made_with := read_embedder(folder)) or embedder is not None:
                    wanted.made_with = made_with
                    wanted.find()
                remove_index(folder)
                folder.begin_write()
        store = cls._read(place, wanted, recompute=True)
        try:
            store._exemplars.rebuild()
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def _read(cls, place: Path, embedder: StoreEmbedder, *, recompute: bool = False) -> Self:
        """The store in a folder; of a run or a pack with vectors from the user's cache, unless to `recompute`."""
        backend: Backend
        pack = None
        if is_pack(place):
            backend = pack_backend = PackBackend(place, embedder, recompute=recompute)
            pack = pack_backend.pack
        elif is_run(place):
            backend = RunBackend(place, embedder, recompute=recompute)
        else:
            backend = FolderBackend(StoreFolder(place), embedder)
        return cls(ExemplarCache(backend, embedder), pack)

    @classmethod
    def compare(cls, path: str | os.PathLike[str]) -> tuple[int, list[str]]:
        """The number of exemplars of a store, and the problems of its log and index, in words.

        Unlike `open`, which brings them together first, it changes nothing. Raises `WorkflowError` if there is no
        store; a server has nothing to compare.
        """
        place = path if is_address(path) else locate_store(path)
        if not is_address(path) and not is_run(Path(place)) and not is_pack(Path(place)):
            return compare_folder(StoreFolder(Path(place)))
        with cls.open(place) as store:
            return len(store), store.check()

    def close(self) -> None:
        """Let go of files and connections."""
        self._exemplars.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # Contents

    def __len__(self) -> int:
        return len(self._exemplars)

    @property
    def ids(self) -> list[str]:
        """The ids of all exemplars, sorted."""
        return sorted(self._exemplars.ids())

    @property
    def digests(self) -> list[str]:
        """A hash of each exemplar, in the order of the ids."""
        return [digest for _, digest in sorted((row.id, row.digest) for row in self._exemplars.rows())]

    @property
    def tools(self) -> list[str]:
        """The tools that it has exemplars of, sorted."""
        return sorted(self._exemplars.tools())

    def has_tool(self, tool: str) -> bool:
        """True if it has an exemplar of a tool."""
        return next(self._exemplars.exemplars(tool), None) is not None

    def exemplars(self) -> list[Exemplar]:
        """All exemplars, in the order in which they came."""
        return list(self._exemplars.exemplars())

    def read(self) -> Iterator[Exemplar]:
        """`exemplars`, one by one: of a server no more than some thousand are held at a time."""
        return self._exemplars.exemplars()

    def get(self, ids: Sequence[str]) -> list[Exemplar]:
        """The exemplars of these ids, in their order; those that are not there are left out."""
        found = self._exemplars.get(ids)
        return [found[id] for id in ids if id in found]

    def freeze(self, ids: Iterable[str]) -> None:
        """From now on hold only what there is now, and of that only these; nothing can be changed any more."""
        self._exemplars.freeze(ids)

    # Changes

    def add(self, exemplars: Iterable[Exemplar], vectors: Vectors | None = None) -> int:
        """Add exemplars, or replace those with the same id; returns how many were new or different.

        When it returns, they are in the log and in the index. `vectors`, one row each, spare the embedding.
        """
        todo = list({exemplar.id: make_storable(exemplar) for exemplar in exemplars}.values())
        if vectors is not None:
            vectors = self._exemplars.check(check_count(vectors, len(todo)))
        return sum(
            self._exemplars.add(todo[part], None if vectors is None else vectors[part])
            for part in slices(len(todo), BATCH)
        )

    async def aadd(self, exemplars: Iterable[Exemplar]) -> int:
        """`add`, in a worker thread."""
        return await asyncio.to_thread(self.add, list(exemplars))

    def import_run(self, run: str | os.PathLike[str], *, reworded: bool = False) -> int:
        """Add the exemplars of a run's journal, except what was forgotten; returns how many were new.

        Of a run of `distil.yaml`: what is for training, with `reworded` also what says a request in other words.
        """
        found = Exemplar.from_run(open_run(run), reworded=reworded)
        missing = self._exemplars.find_missing(exemplar.id for exemplar in found)
        return self.add([exemplar for exemplar in found if exemplar.id in missing])

    def mark_stale(self, ids: Iterable[str]) -> int:
        """Show these no longer, until `verify` finds that they still hold; returns how many were not stale yet."""
        wanted = set(ids)
        return self.add(
            exemplar.model_copy(update={"stale": True}) for exemplar in self.get(sorted(wanted)) if not exemplar.stale
        )

    def forget(
        self, *, ids: Iterable[str] = (), tool: str | None = None, run: str | os.PathLike[str] | None = None
    ) -> int:
        """Remove exemplars by id, by tool, or by run (its folder or its id) for good; returns how many.

        Nothing of them stays in log or index, nor, if the store is that of a run, in the indexes of the run's own
        memories. A run whose journal still has them does not bring them back.
        """
        wanted, run_id = set(ids), _run_id(run)

        def is_wanted(exemplar: Exemplar) -> bool:
            return (
                exemplar.id in wanted
                or (tool is not None and exemplar.mentions(tool))
                or (run_id is not None and exemplar.run == run_id)
            )

        return self._exemplars.forget(is_wanted)

    def check(self) -> list[str]:
        """The problems of log and index, in words; empty if they agree."""
        return self._exemplars.find_differences()

    # Search

    def search(
        self,
        query: str,
        k: int = 8,
        *,
        tools: Iterable[str] | None = None,
        gates: Iterable[str] | None = VERIFIED,
    ) -> list[ExemplarMatch]:
        """The k exemplars with the requests most similar to `query`, best first; exact but on a server, ties by id.

        Args:
            query: the request at hand; only as much of it counts as the embedder reads.
            k: how many at most.
            tools: only exemplars that name none but these.
            gates: only exemplars that passed all of these and are not stale; None: all that there are.
        """
        return self.search_many([query], k, tools=tools, gates=gates)[0]

    def search_many(
        self,
        queries: Sequence[str],
        k: int = 8,
        *,
        tools: Iterable[str] | None = None,
        gates: Iterable[str] | None = VERIFIED,
    ) -> list[list[ExemplarMatch]]:
        """`search` for many requests at once, which is many times faster than one by one."""
        if _check_k(k) == 0 or self._exemplars.is_empty():
            return [[] for _ in queries]
        return self.search_vectors(self._exemplars.embed(queries), k, tools=tools, gates=gates)

    def search_vectors(
        self,
        vectors: Vectors,
        k: int = 8,
        *,
        tools: Iterable[str] | None = None,
        gates: Iterable[str] | None = VERIFIED,
        by_tool: bool = False,
    ) -> list[list[ExemplarMatch]]:
        """`search` for vectors of requests, one per row; with `by_tool` the k nearest of each tool."""
        if _check_k(k) == 0:
            return [[] for _ in vectors]
        offered = None if tools is None else frozenset(tools)
        passed = None if gates is None else frozenset(gates)
        return self._exemplars.search(vectors, Wanted(k, offered, passed, by_tool))

    async def asearch(self, query: str, k: int = 8, **settings: Any) -> list[ExemplarMatch]:
        """`search`, in a worker thread."""
        return await asyncio.to_thread(self.search, query, k, **settings)

    def similarities(self, text: str, others: Sequence[str]) -> list[float]:
        """The cosine similarity of a text with each of the others, in [-1, 1], by the store's embedder."""
        vectors = self._exemplars.embed([text, *others])
        return list(map(float, similarities(vectors[1:], vectors[0])))

    # For a prompt

    @property
    def selection(self) -> Selection:
        """The selection of exemplars unless told otherwise: for a pack, as in the test that showed its gain."""
        return self.pack.selection if self.pack is not None else Selection()

    def select(
        self,
        query: str,
        selection: Selection | None = None,
        *,
        tools: Iterable[str] | None = None,
        count: Callable[[str], int] = approximate_tokens,
    ) -> list[ExemplarMatch]:
        """The exemplars to show for `query`, in the order in which to show them.

        `tools` are the tools offered: no exemplar names another one. `count` counts the tokens of a text.
        """
        selection = selection or self.selection
        offered = None if tools is None or selection.paper else list(tools)
        if _check_k(selection.k) == 0 or self._exemplars.is_empty():
            return []

        def text(exemplar: Exemplar) -> str:
            return exemplars_text([exemplar], observations=selection.shows_observations)

        return select_matches(self._nearest(query, selection, offered), selection, text, count)

    async def aselect(self, query: str, selection: Selection | None = None, **settings: Any) -> list[ExemplarMatch]:
        """`select`, in a worker thread."""
        return await asyncio.to_thread(self.select, query, selection, **settings)

    def candidates(self, selection: Selection, tools: Iterable[str] | None = None) -> list[tuple[str, str]]:
        """The id and the tool of every exemplar among which a selection chooses.

        They are sorted by tool and by what is asked: ids differ from run to run, and so would a draw from them.
        """
        offered = None if tools is None or selection.paper else frozenset(tools)
        gates = frozenset(selection.gates)
        rows = [
            row
            for row in self._exemplars.rows()
            if gates <= row.gates and not row.stale and (offered is None or row.tools <= offered)
        ]
        return [(row.id, row.tool) for row in sorted(rows, key=lambda row: (row.tool, row.text, row.id))]

    def render(
        self,
        query: str,
        selection: Selection | None = None,
        *,
        tools: Iterable[str] | None = None,
        count: Callable[[str], int] = approximate_tokens,
        introduction: str = "",
        lessons: int | None = None,
    ) -> str:
        """The exemplars for `query` as text for a prompt, below an `introduction`; "" without any to show.

        At most so many `lessons` of the tool at hand come first: of the nearest exemplar's tool, or else of the only
        one offered; unset, three of a pack that adopted them, and no lessons otherwise. Before them comes the
        guideline of a pack that adopted one. They do not count for the budget.
        """
        selection = selection or self.selection
        offered = None if tools is None else list(tools)
        found = self.select(query, selection, tools=offered, count=count)
        text = exemplars_text([match.exemplar for match in found], observations=selection.shows_observations)
        guideline = "\n".join(self.guideline_at_hand(found, offered))
        lines = "\n".join(self.lessons_at_hand(query, found, offered, lessons))
        return SEPARATOR.join(filter(None, [guideline, lines, introduction if text else "", text]))

    async def arender(self, query: str, selection: Selection | None = None, **settings: Any) -> str:
        """`render`, in a worker thread."""
        return await asyncio.to_thread(self.render, query, selection, **settings)

    def messages(
        self,
        query: str,
        selection: Selection | None = None,
        *,
        tools: Iterable[str] | None = None,
        count: Callable[[str], int] = approximate_tokens,
        form: Form = "react",
    ) -> list[Message]:
        """The exemplars for `query` as turns of a chat, to be put before the request."""
        selection = selection or self.selection
        found = self.select(query, selection, tools=tools, count=count)
        return as_messages([match.exemplar for match in found], form=form, observations=selection.shows_observations)

    async def amessages(self, query: str, selection: Selection | None = None, **settings: Any) -> list[Message]:
        """`messages`, in a worker thread."""
        return await asyncio.to_thread(self.messages, query, selection, **settings)

    def lessons(self, tool: str, k: int = 3) -> list[str]:
        """At most k lessons of a tool as lines for a prompt, the best founded first; none unless it `teaches`.

        Trials that are marked stale teach nothing.
        """
        return list(map(lesson_text, rank_lessons(self.all_lessons([tool]), tool, k))) if self.teaches and k > 0 else []

    def lessons_at_hand(
        self, query: str, found: Sequence[ExemplarMatch], offered: Sequence[str] | None, k: int | None = None
    ) -> list[str]:
        """At most k lessons of the nearest exemplar's tool, or else of the only tool offered.

        Without k, three if they are those of a pack, and else none. Of a pack that shows no exemplar for the request,
        those of the two nearest tools, as in the test of lessons.
        """
        most = (PACK_LESSONS if self.pack is not None else 0) if k is None else k
        if found:
            return self.lessons(max(found, key=lambda match: match.similarity).exemplar.tool, most)
        if offered is not None and len(offered) == 1:
            return self.lessons(offered[0], most)
        if self.pack is None or not self.teaches or most < 1:
            return []
        lessons, tools = self.all_lessons(), self.pack.manifest.tools if offered is None else offered
        taught = {lesson.tool for lesson in lessons}
        order = self.rank_tools(query, [tool for tool in tools if tool in taught])
        return list(map(lesson_text, take_turns(lessons, order, per_tool=most, k=2 * most)))

    def guideline_at_hand(self, found: Sequence[ExemplarMatch], offered: Sequence[str] | None) -> list[str]:
        """The guideline of a pack, a line each: for the tools offered, or else for those of the exemplars `found`.

        Of a pack that has no exemplars, for all its tools unless some are offered.
        """
        texts = self.pack.guideline if self.pack is not None else {}
        named = dict.fromkeys(match.exemplar.tool for match in found) if len(self) else texts
        tools = named if offered is None else offered
        return [f"{tool}: {' '.join(texts[tool].split())}" for tool in tools if tool in texts]

    def rank_tools(self, query: str, tools: Sequence[str]) -> list[str]:
        """The tools of a pack, the one whose definition is nearest to the request first; of anything else as given."""
        if self.pack is None or len(tools) < 2:
            return list(tools)
        known = self.pack.definitions
        texts = [f"{tool}: {known[tool].description}" if tool in known else tool for tool in tools]
        near = dict(zip(tools, self.similarities(query, texts), strict=True))
        return sorted(tools, key=lambda tool: -near[tool])

    def all_lessons(self, tools: Iterable[str] | None = None) -> list[Lesson]:
        """Every lesson that the trials teach, or those of some tools."""
        return self._exemplars.lessons(tools)

    def _nearest(self, query: str, selection: Selection, offered: Sequence[str] | None) -> list[ExemplarMatch]:
        """The nearest exemplars to select from, as many without those of the very same request as with them."""
        vectors, k, asked = self._exemplars.embed([query]), selection.fetches, words(query)
        gates, by_tool = selection.gates, selection.by_tool
        while True:
            nearest = self.search_vectors(vectors, k, tools=offered, gates=gates, by_tool=by_tool)[0]
            if selection.allow_same_request:
                return nearest
            others = [match for match in nearest if words(match.exemplar.query) != asked]
            wanted = selection.fetches + len(nearest) - len(others)
            if wanted <= k:
                return others
            k = wanted


def _check_k(k: int) -> int:
    """The number of exemplars wanted. Raises `WorkflowError` if it is negative."""
    if k < 0:
        raise WorkflowError(f"k is {k}; expected 0 or more")
    return k


def _run_id(run: str | os.PathLike[str] | None) -> str | None:
    if run is None or not is_run(Path(run)):
        return None if run is None else str(run)
    return open_run(run).id
