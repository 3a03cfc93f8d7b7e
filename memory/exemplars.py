"""The store of exemplars that everybody's agent reads."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ste_graph.contracts import Message
from ste_graph.errors import RunError, SteError, WorkflowError

from .collection import VectorCollection, embedder_of, remove, shared
from .comparison import between, differences
from .exemplar import EXECUTION, FORMAT, Exemplar, line_of, sound
from .exemplar_log import ExemplarLog, Row, row_of
from .harvest import harvested, is_run
from .ranking import Ranking
from .recall import Vectors
from .rendering import Form, as_messages, as_text
from .selection import Found, Selection, approximate_tokens, chosen
from .store_folder import WAIT_S, Busy, StoreFolder

if TYPE_CHECKING:
    from .embedders import Embedder

_BATCH = 1024
_UNTOUCHED = "untouched"
_NAME = "exemplars_1"
"""The collection; `1` is the version of this layout."""

VERIFIED = (FORMAT, EXECUTION)

_log = logging.getLogger("ste_graph.memory")


class ExemplarStore:
    """Exemplars on disk (or on a Chroma server), searched by the meaning of their requests.

    The log is the truth; Chroma holds the vectors and what is found; the comparison itself is made here, over all of
    a tool's vectors, because Chroma's approximate search misses up to a quarter of the nearest under a filter. Any
    number of threads and processes may read and write: one writes at a time, the others wait.
    """

    def __init__(self, folder: StoreFolder | None, chroma: VectorCollection, embedder: Embedder | str | None) -> None:
        self._folder = folder
        self._log = ExemplarLog(folder.log) if folder else None
        self._chroma = chroma
        self._given = embedder
        self._rows: dict[str, Row] = {}
        self._ranking: Ranking | None = None
        self._seen: object = None
        self._sets: dict[frozenset[str], frozenset[str]] = {}
        self._frozen = False
        self.wait_s = WAIT_S

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, embedder: Embedder | str | None = None, create: bool = False
    ) -> Self:
        """The store in a folder, in a run's folder, or on a Chroma server (`http://…`, `https://…`).

        A run keeps its store beside its journal: what the journal has and the store has not is added first. The
        embedder is the one that the store was made with, unless one is given: then the two must agree.

        Raises:
            WorkflowError: there is no store, or it was made with another embedder or metric.
            RunError: the folder or the server cannot be used.
        """
        text = os.fspath(path)
        name = _name_of(embedder)
        if _is_address(text):
            remedy = "Start the server (`chroma run`), or give its address as http://HOST:PORT"
            return cls(None, VectorCollection(text, _NAME, name, remedy), embedder)
        given = Path(path)
        folder = StoreFolder.of(given)
        if not folder.exists:
            if not (create or is_run(given)):
                raise WorkflowError(folder.missing(given))
            folder.create()
        remedy = f"Make the index again from the log: ste memory rebuild {given}"
        with folder.held(WAIT_S):
            store = cls(folder, shared(folder.index, _NAME, name, remedy), embedder)
        if is_run(given):
            store.take(given)
        return store

    # Looking things up

    def __len__(self) -> int:
        with self._current():
            return len(self._rows)

    @property
    def ids(self) -> list[str]:
        """The ids of all exemplars, sorted."""
        with self._current():
            return sorted(self._rows)

    def freeze(self, ids: Iterable[str]) -> None:
        """From now on hold only what is there now, and of that only these; nothing can be changed any more."""
        with self._current():
            self._rows = {id: self._rows[id] for id in ids if id in self._rows}
            self._ranking = None
            with self._folder.held(self.wait_s) if self._folder else nullcontext():
                self._load()
            self._frozen = True

    @property
    def tools(self) -> list[str]:
        """The tools that it has exemplars of, sorted."""
        with self._current():
            return sorted({row.tool for row in self._rows.values()})

    def search(
        self,
        query: str,
        k: int = 8,
        *,
        tools: Iterable[str] | None = None,
        gates: Iterable[str] | None = VERIFIED,
    ) -> list[Found]:
        """The k exemplars with the requests most similar to `query`, best first; exact, ties by id.

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
    ) -> list[list[Found]]:
        """`search` for many requests at once, which is many times faster than one by one."""
        if not self._may_find(k):
            return [[] for _ in queries]
        return self.search_vectors(self._embedded(queries), k, tools=tools, gates=gates)

    def search_vectors(
        self,
        vectors: Vectors,
        k: int = 8,
        *,
        tools: Iterable[str] | None = None,
        gates: Iterable[str] | None = VERIFIED,
        by_tool: bool = False,
    ) -> list[list[Found]]:
        """`search` for unit vectors that are there already, one per row; with `by_tool` the k of each tool."""
        offered = None if tools is None else list(tools)
        passed = None if gates is None else frozenset(gates)
        if not self._may_find(k):
            return [[] for _ in vectors]
        with self._current(vectors=True):
            assert self._ranking is not None
            wanted = self._checked(vectors)
            ranked = self._ranking.nearest(wanted, k, tools=offered, gates=passed, by_tool=by_tool)
            ids = list(dict.fromkeys(one.row.id for some in ranked for one in some))
            said = self._chroma.metadata(ids)
        exemplars = {id: Exemplar.model_validate_json(str(said[id]["record"])) for id in ids if id in said}
        return [
            [
                Found(similarity=one.similarity, exemplar=exemplars[one.row.id])
                for one in some
                if one.row.id in exemplars
            ]
            for some in ranked
        ]

    def select(
        self,
        query: str,
        selection: Selection | None = None,
        *,
        tools: Iterable[str] | None = None,
        count: Callable[[str], int] = approximate_tokens,
    ) -> list[Found]:
        """The exemplars to show for `query`, in the order in which to show them.

        `tools` are the tools offered: no exemplar names another one. `count` counts the tokens of a text.
        """
        selection = selection or Selection()
        offered = None if tools is None or selection.paper else list(tools)
        if not self._may_find(selection.k):
            return []
        by_tool = not selection.paper and (selection.per_tool is not None or selection.contrast)
        vectors = self._embedded([query])
        found = self.search_vectors(vectors, selection.k, tools=offered, gates=selection.gates, by_tool=by_tool)[0]
        return chosen(found, selection, lambda exemplar: _text([exemplar], selection), count)

    def render(
        self,
        query: str,
        selection: Selection | None = None,
        *,
        tools: Iterable[str] | None = None,
        count: Callable[[str], int] = approximate_tokens,
    ) -> str:
        """The exemplars for `query` as text for a prompt; "" where there are none to show."""
        found = self.select(query, selection, tools=tools, count=count)
        return _text([one.exemplar for one in found], selection or Selection())

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
        selection = selection or Selection()
        found = self.select(query, selection, tools=tools, count=count)
        return as_messages([one.exemplar for one in found], form=form, observations=selection.shows_observations)

    async def asearch(self, query: str, k: int = 8, **settings: Any) -> list[Found]:
        """`search`, in a worker thread."""
        return await asyncio.to_thread(self.search, query, k, **settings)

    async def aselect(self, query: str, selection: Selection | None = None, **settings: Any) -> list[Found]:
        """`select`, in a worker thread."""
        return await asyncio.to_thread(self.select, query, selection, **settings)

    async def arender(self, query: str, selection: Selection | None = None, **settings: Any) -> str:
        """`render`, in a worker thread."""
        return await asyncio.to_thread(self.render, query, selection, **settings)

    async def amessages(self, query: str, selection: Selection | None = None, **settings: Any) -> list[Message]:
        """`messages`, in a worker thread."""
        return await asyncio.to_thread(self.messages, query, selection, **settings)

    def exemplars(self) -> list[Exemplar]:
        """All exemplars, in the order in which they came."""
        with self._current():
            if self._log is not None:
                return [exemplar for exemplar in self._log.exemplars() if exemplar.id in self._rows]
            return [Exemplar.model_validate_json(str(said["record"])) for _, said in sorted(self._chroma.rows())]

    # Changing things

    def add(self, exemplars: Iterable[Exemplar], vectors: Vectors | None = None) -> int:
        """Add exemplars, or change those with the same id; gives how many were new or different.

        When it returns, they are in the log and in the index. `vectors`, one row each, spare the embedding.
        """
        todo = list({exemplar.id: sound(exemplar) for exemplar in exemplars}.values())
        if vectors is not None and len(vectors) != len(todo):
            raise WorkflowError(f"{len(todo)} exemplars need as many vectors, got {len(vectors)}")
        changed = 0
        for start in range(0, len(todo), _BATCH):
            some = todo[start : start + _BATCH]
            changed += self._add(some, None if vectors is None else vectors[start : start + _BATCH])
        return changed

    async def aadd(self, exemplars: Iterable[Exemplar]) -> int:
        """`add`, in a worker thread."""
        return await asyncio.to_thread(self.add, list(exemplars))

    def take(self, run: str | os.PathLike[str]) -> int:
        """Add what the journal of a run has, except what was forgotten; gives how many were new."""
        found = harvested(Path(run))
        with self._current():
            forgotten = self._folder.forgotten() if self._folder else set()
            new = [one for one in found if one.id not in forgotten and one.id not in self._rows]
        return self.add(new)

    def mark_stale(self, ids: Iterable[str]) -> int:
        """Show these no longer, until `verify` finds that they still hold."""
        wanted = set(ids)
        marked = [
            one.model_copy(update={"stale": True}) for one in self.exemplars() if one.id in wanted and not one.stale
        ]
        return self.add(marked)

    def forget(
        self, *, ids: Iterable[str] = (), tool: str | None = None, run: str | os.PathLike[str] | None = None
    ) -> int:
        """Remove exemplars by id, by tool, or by run (its folder or its id) for good; gives how many.

        Nothing of them stays in log or index, and a run that still has them does not bring them back.
        """
        wanted = set(ids)
        of_run = _run_named(run)

        def gone(exemplar: Exemplar) -> bool:
            return (
                exemplar.id in wanted
                or (tool is not None and exemplar.mentions(tool))
                or (of_run is not None and exemplar.run == of_run)
            )

        with self._writing():
            there = self._read_all()
            out = [exemplar.id for exemplar in there if gone(exemplar)]
            if out:
                if self._folder and self._log:
                    self._folder.forget(out)
                    self._log.write_anew(exemplar for exemplar in there if not gone(exemplar))
                self._wipe(out)
                self._rebuild_rows()
        return len(out)

    def check(self) -> list[str]:
        """What of log and index differs, in words; nothing where they agree."""
        with self._current():
            if self._log is None:
                return []
            return [*self._log.damaged, *between(self._rows, dict(self._chroma.rows()))]

    @classmethod
    def compare(cls, path: str | os.PathLike[str]) -> tuple[int, list[str]]:
        """How many exemplars a store has, and in words how its log, its index and its run's journal differ.

        Unlike `open`, which brings them together first, it changes nothing. Raises `WorkflowError` if there is no
        store; a server has nothing to compare.
        """
        if _is_address(os.fspath(path)):
            with cls.open(path) as there:
                return len(there), []
        return differences(Path(path), _NAME)

    @classmethod
    def rebuild(cls, path: str | os.PathLike[str], *, embedder: Embedder | str | None = None) -> Self:
        """Make the index of a store again from its log (and its run's journal), and open it.

        With another `embedder` the store is of that one from then on; without, it stays with the one that it has.
        """
        if _is_address(os.fspath(path)):
            raise WorkflowError(
                f"{path}: a server keeps no log that an index could be made from; "
                "use `ste memory export`, a new server, and `ste memory import`"
            )
        folder = StoreFolder.of(Path(path))
        if not folder.exists and not is_run(Path(path)):
            return cls.open(path)  # which says what is wrong
        folder.create()
        with folder.held(WAIT_S):
            made_for = embedder or embedder_of(folder.index, _NAME)
            if isinstance(made_for, str):
                # Before anything is removed: an index that is there is better than none.
                made_for = _named(str(folder.path), made_for)
            remove(folder.index)
            folder.begin()
        return cls.open(path, embedder=made_for)

    def close(self) -> None:
        """Let go of the files."""
        with self._chroma.lock:
            self._chroma.close()
            self._ranking = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Within

    def _may_find(self, k: int) -> bool:
        if k < 0:
            raise WorkflowError(f"k is {k}; expected 0 or more")
        return k > 0 and len(self) > 0

    def _add(self, exemplars: Sequence[Exemplar], vectors: Vectors | None) -> int:
        with self._current():
            new = [place for place, one in enumerate(exemplars) if self._differs(one)]
            unknown = [place for place in new if not self._has_text(exemplars[place])]
        if not new:
            return 0
        if vectors is not None:
            known = dict(zip(new, self._checked(np.asarray(vectors)[new]), strict=True))
        else:
            known = dict(zip(unknown, self._made([exemplars[place] for place in unknown]), strict=True))
        with self._writing():
            still = [place for place in new if self._differs(exemplars[place])]
            some = [exemplars[place] for place in still]
            if some:
                kept = self._chroma.vectors([exemplars[place].id for place in still if place not in known])
                rows = [known[at] if at in known else kept.get(exemplars[at].id) for at in still]
                if self._log is not None:
                    self._log.append(some)
                pairs = zip(some, rows, strict=True)
                self._put(some, np.array([self._made([one])[0] if row is None else row for one, row in pairs]))
                self._take_rows(self._log.new_rows() if self._log else [row_of(one, self._sets) for one in some])
        return len(some)

    def _made(self, exemplars: Sequence[Exemplar]) -> Vectors:
        """The vectors of exemplars whose requests are not in the index."""
        if not exemplars:
            return np.empty((0, 0), dtype=np.float32)
        return self._checked(self._embedded([one.query for one in exemplars]))

    def _has_text(self, exemplar: Exemplar) -> bool:
        """Whether the index has the vector of the exemplar's request."""
        row = self._rows.get(exemplar.id)
        return row is not None and row.text == hash(exemplar.query)

    def _differs(self, exemplar: Exemplar) -> bool:
        row = self._rows.get(exemplar.id)
        return row is None or row.digest != exemplar.digest

    def _put(self, exemplars: Sequence[Exemplar], vectors: Vectors) -> None:
        self._chroma.put(
            [one.id for one in exemplars],
            vectors,
            [one.query for one in exemplars],
            [_metadata(one) for one in exemplars],
            self._embedder().name,
        )

    @contextmanager
    def _current(self, *, vectors: bool = False) -> Iterator[None]:
        """With rows (and vectors) as they are now in log and index."""
        with self._chroma.lock:
            if self._frozen:
                pass
            elif self._folder is None:
                self._catch_up()
                if vectors:
                    self._load()
            elif self._seen != (self._folder.stamp or _UNTOUCHED) or (vectors and not self._loaded):
                try:
                    with self._folder.held(self.wait_s):
                        self._catch_up()
                        if vectors:
                            self._load()
                except Busy:
                    if self._seen is None or (vectors and self._ranking is None):
                        raise
                    _log.warning("%s: is being written; going on with what was read before", self._folder.path)
            yield

    @property
    def _loaded(self) -> bool:
        """Whether every row's vector is in working memory."""
        return self._ranking is not None and len(self._ranking) >= len(self._rows)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Alone with the store, everything caught up with; what others must know is said at the end."""
        if self._frozen:
            raise RunError(f"{self._place}: is read as it stood; open it anew to change it")
        with self._chroma.lock:
            if self._folder is None:
                self._catch_up()
                yield
                self._chroma.sign(os.urandom(8).hex())
                self._seen = self._chroma.mark
                return
            with self._folder.held(self.wait_s):
                self._catch_up()
                self._folder.begin()
                try:
                    yield
                except BaseException:
                    self._seen = None
                    raise
                self._chroma.seen = self._folder.finish()
                if self._ranking is not None:
                    self._load()
                self._seen = self._folder.stamp

    def _catch_up(self) -> None:
        """Read what other processes wrote; alone with the store."""
        if self._folder is None or self._log is None:
            self._chroma.refresh()
            if self._seen is None or self._chroma.mark != self._seen:
                self._rebuild_rows()
                self._seen = self._chroma.mark or ""
            return
        first = self._seen is None
        if self._chroma.seen != self._folder.generation:
            self._chroma.open()
            self._chroma.seen = self._folder.generation
        if self._log.replaced:
            self._rebuild_rows()
        else:
            self._take_rows(self._log.new_rows())
        if self._folder.begun or (first and self._chroma.count() != len(self._rows)):
            self._reconcile()
            self._chroma.seen = self._folder.finish()
        self._seen = self._folder.stamp or _UNTOUCHED

    def _reconcile(self) -> None:
        """Make the index hold exactly what the log holds."""
        there = dict(self._chroma.rows())
        extra = sorted(there.keys() - self._rows.keys())
        if extra:
            self._chroma.drop(extra)
        missing = [one for one in self._read_all() if there.get(one.id, {}).get("digest") != one.digest]
        for start in range(0, len(missing), _BATCH):
            some = missing[start : start + _BATCH]
            self._put(some, self._made(some))
        self._ranking = None

    def _wipe(self, ids: Sequence[str]) -> None:
        """Take rows out of the index. Chroma's files keep what was deleted, so that a folder's are made anew."""
        if self._folder is None:
            self._chroma.drop(ids)
            return
        left = self._read_all()
        vectors = self._chroma.vectors([one.id for one in left])
        remove(self._folder.index)
        self._chroma.open()
        for start in range(0, len(left), _BATCH):
            some = [one for one in left[start : start + _BATCH] if one.id in vectors]
            if some:
                self._put(some, np.array([vectors[one.id] for one in some]))

    def _rebuild_rows(self) -> None:
        self._rows.clear()
        self._ranking = None
        if self._log is not None:
            self._log.rewind()
            self._take_rows(self._log.new_rows())
        else:
            self._take_rows([row_of(one, self._sets) for one in self._read_all()])

    def _take_rows(self, rows: Iterable[Row]) -> None:
        for row in rows:
            before = self._rows.get(row.id)
            self._rows[row.id] = row
            if before is not None and self._ranking is not None and row.id in self._ranking:
                if (before.text, before.tool, before.tools) == (row.text, row.tool, row.tools):
                    self._ranking.replace(row)
                else:
                    self._ranking = None

    def _load(self) -> None:
        """Get the vectors that are not in working memory from Chroma; alone with the store."""
        ranking = self._ranking or Ranking()
        missing = [row for id, row in self._rows.items() if id not in ranking]
        if missing:
            missing.sort(key=lambda row: row.tool)
            ranking.reserve(len(self._rows), self._chroma.dimension or 0)
        for start in range(0, len(missing), _BATCH):
            some = missing[start : start + _BATCH]
            vectors = self._chroma.vectors([row.id for row in some])
            there = [row for row in some if row.id in vectors]
            if there:
                ranking.add(there, np.array([vectors[row.id] for row in there], dtype=np.float32))
        self._ranking = ranking

    def _read_all(self) -> list[Exemplar]:
        if self._log is not None:
            return list(self._log.exemplars())
        return [Exemplar.model_validate_json(str(said["record"])) for _, said in self._chroma.rows()]

    def _embedder(self) -> Embedder:
        if self._given is None or isinstance(self._given, str):
            self._given = _named(self._place, self._given or self._chroma.embedder)
        return self._given

    def _embedded(self, texts: Sequence[str]) -> Vectors:
        embedder = self._embedder()
        try:
            return _wait_for(embedder, [text.encode("utf-8", "replace").decode() for text in texts])
        except SteError:
            raise
        except Exception as error:
            raise RunError(
                f"{self._place}: embedding with {embedder.name} failed ({type(error).__name__}: {error})"
            ) from error

    def _checked(self, vectors: Vectors) -> Vectors:
        """The vectors, if they are such as the store holds."""
        vectors = np.asarray(vectors, dtype=np.float32)
        size = self._chroma.dimension
        if vectors.ndim != 2 or (size is not None and vectors.shape[1] != size):
            raise WorkflowError(
                f"{self._place}: vectors of shape {vectors.shape} do not fit; expected rows of {size} numbers. "
                f"Use the embedder that the store was made with ({self._chroma.embedder})"
            )
        if not np.isfinite(vectors).all():
            row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
            raise WorkflowError(
                f"{self._place}: vector {row} is not finite (NaN or infinite); nothing was added or sought"
            )
        return vectors

    @property
    def _place(self) -> str:
        return str(self._folder.path) if self._folder else str(self._chroma.where)


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _named(place: str, name: str | None) -> Embedder:
    """The embedder of that name; None: the default. Raises `WorkflowError` if it cannot be found by its name."""
    from .embedders import MINILM, embedder_for

    if name is not None and name.startswith("sha256:"):
        raise WorkflowError(
            f"{place}: the store was made with an embedder from a folder ({name}); say where it lies: "
            "`embedder: FOLDER`, or ExemplarStore.open(…, embedder=FOLDER)"
        )
    return embedder_for(None if name == MINILM else name)


def _metadata(exemplar: Exemplar) -> Mapping[str, Any]:
    return {
        "tool": exemplar.tool,
        "run": exemplar.run or "",
        "stale": exemplar.stale,
        "verified": " ".join(exemplar.verified),
        "digest": exemplar.digest,
        "record": line_of(exemplar),
    }


def _text(exemplars: Iterable[Exemplar], selection: Selection) -> str:
    return as_text(exemplars, observations=selection.shows_observations)


def _name_of(embedder: Embedder | str | None) -> str | None:
    if isinstance(embedder, str):
        from .embedders import embedder_for

        return embedder_for(embedder).name
    return None if embedder is None else embedder.name


def _run_named(run: str | os.PathLike[str] | None) -> str | None:
    from ste_graph.finished import open_run

    from .exemplar import run_id

    if run is None or not is_run(Path(run)):
        return None if run is None else str(run)
    return run_id(open_run(run).lock)


_loop: tuple[int, asyncio.AbstractEventLoop] | None = None
_starting = threading.Lock()


def _wait_for(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """The vectors, from any thread, whether or not an event loop runs in it."""
    global _loop
    with _starting:
        if _loop is None or _loop[0] != os.getpid():
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="exemplars", daemon=True).start()
            _loop = os.getpid(), loop
    return asyncio.run_coroutine_threadsafe(embedder.embed(texts), _loop[1]).result()
