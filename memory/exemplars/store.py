"""The store of exemplars that everybody's agent reads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from ste_graph.contracts import VERIFIED
from ste_graph.errors import WorkflowError
from ste_graph.finished import is_run
from ste_graph.memory.exemplars.adoption import lessons_adopted, refuse_unless_adopted
from ste_graph.memory.exemplars.cache import BATCH
from ste_graph.memory.exemplars.comparison import between, differences
from ste_graph.memory.exemplars.exemplar import Exemplar, sound
from ste_graph.memory.exemplars.folder import WAIT_S, StoreFolder
from ste_graph.memory.exemplars.log import number_of, row_of
from ste_graph.memory.exemplars.run_import import harvested
from ste_graph.memory.exemplars.selector import ExemplarSearch
from ste_graph.memory.vectors.collection import VectorCollection, embedder_of, remove, shared
from ste_graph.memory.vectors.embedders import find_store_embedder
from ste_graph.memory.vectors.similarity import Vectors

if TYPE_CHECKING:
    from ste_graph.memory.vectors.embedders import Embedder

__all__ = ["VERIFIED", "ExemplarStore"]

_NAME = "exemplars_1"
"""The collection; `1` is the version of this layout."""


class ExemplarStore(ExemplarSearch):
    """Exemplars on disk (or on a Chroma server), searched by the meaning of their requests.

    The log is the truth; Chroma holds the vectors and what is found; the comparison itself is made here, over all of
    a tool's vectors, because Chroma's approximate search misses up to a quarter of the nearest under a filter. Any
    number of threads and processes may read and write: one writes at a time, the others wait.
    """

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        embedder: Embedder | str | None = None,
        create: bool = False,
        only_if: str | os.PathLike[str] | None = None,
    ) -> Self:
        """The store in a folder, in a run's folder, or on a Chroma server (`http://…`, `https://…`).

        A run keeps its store beside its journal: what the journal has and the store has not is added first. The
        embedder is the one that the store was made with, unless one is given: then the two must agree. `only_if`
        names the run of an evaluation; where that adopted exemplars alone, the store has no lessons.

        Raises:
            WorkflowError: there is no store, it was made with another embedder or metric, or the evaluation `only_if`
                has not adopted its exemplars.
            RunError: the folder or the server cannot be used.
        """
        text = os.fspath(path)
        if only_if is not None:
            refuse_unless_adopted(text, os.fspath(only_if))
        name = _name_of(embedder)
        if _is_address(text):
            remedy = "Start the server (`chroma run`), or give its address as http://HOST:PORT"
            return cls(None, VectorCollection(text, _NAME, name, remedy), embedder)
        teaches = only_if is None or lessons_adopted(text, os.fspath(only_if))
        given = Path(path)
        folder = StoreFolder.of(given)
        if not folder.exists:
            if not (create or is_run(given)):
                raise WorkflowError(folder.missing(given))
            folder.create()
        remedy = f"Make the index again from the log: ste memory rebuild {given}"
        with folder.held(WAIT_S):
            store = cls(folder, shared(folder.index, _NAME, name, remedy), embedder)
        store.teaches = teaches
        if is_run(given):
            store.take(given)
        return store

    def add(self, exemplars: Iterable[Exemplar], vectors: Vectors | None = None) -> int:
        """Add exemplars, or change those with the same id; gives how many were new or different.

        When it returns, they are in the log and in the index. `vectors`, one row each, spare the embedding.
        """
        todo = list({exemplar.id: sound(exemplar) for exemplar in exemplars}.values())
        if vectors is not None and len(vectors) != len(todo):
            raise WorkflowError(f"{len(todo)} exemplars need as many vectors, got {len(vectors)}")
        changed = 0
        for start in range(0, len(todo), BATCH):
            some = todo[start : start + BATCH]
            changed += self._add(some, None if vectors is None else vectors[start : start + BATCH])
        return changed

    async def aadd(self, exemplars: Iterable[Exemplar]) -> int:
        """`add`, in a worker thread."""
        return await asyncio.to_thread(self.add, list(exemplars))

    def take(self, run: str | os.PathLike[str], *, reworded: bool = False) -> int:
        """Add what the journal of a run has, except what was forgotten; gives how many were new.

        Of a run of `distil.yaml`: what is for training, with `reworded` also what says a request in other words.
        """
        found = harvested(Path(run), reworded=reworded)
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

        Nothing of them stays in log or index, nor, where the store is that of a run, in the indexes of the run's own
        memories. A run whose journal still has them does not bring them back.
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
        if out and self._folder:
            self._folder.drop_memories()
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
                made_for = find_store_embedder(str(folder.path), made_for)
            remove(folder.index)
            folder.begin()
        store = cls.open(path, embedder=made_for)
        try:
            store.mend()
        except BaseException:
            store.close()
            raise
        return store

    # Within

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

    def _has_text(self, exemplar: Exemplar) -> bool:
        """Whether the index has the vector of the exemplar's request."""
        row = self._rows.get(exemplar.id)
        return row is not None and row.text == number_of(exemplar.query)

    def _differs(self, exemplar: Exemplar) -> bool:
        row = self._rows.get(exemplar.id)
        return row is None or row.digest != exemplar.digest


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _name_of(embedder: Embedder | str | None) -> str | None:
    if isinstance(embedder, str):
        from ste_graph.memory.vectors.embedders import embedder_for

        return embedder_for(embedder).name
    return None if embedder is None else embedder.name


def _run_named(run: str | os.PathLike[str] | None) -> str | None:
    from ste_graph.finished import open_run

    if run is None or not is_run(Path(run)):
        return None if run is None else str(run)
    return open_run(run).id
