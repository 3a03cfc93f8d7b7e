"""Exemplars on a Chroma server, which keeps them and searches them: nothing of them stays in working memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

import numpy as np

from ste_graph.addresses import find_address_fault
from ste_graph.errors import RunError, WorkflowError
from ste_graph.memory.exemplars.backends.log import ExemplarRow, RowMaker
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.lessons import lessons_from_exemplars
from ste_graph.memory.exemplars.search.chroma_rows import COLLECTION, add_exemplars, read_exemplar
from ste_graph.memory.exemplars.search.embedder import StoreEmbedder
from ste_graph.memory.exemplars.search.searchable import Wanted
from ste_graph.memory.exemplars.selection import ExemplarMatch
from ste_graph.memory.vectors.chroma_client import Wording
from ste_graph.memory.vectors.collection import VectorCollection
from ste_graph.memory.vectors.scope_directory import ScopeDirectory
from ste_graph.memory.vectors.similarity import DECIMALS, TIE_DECIMALS, Vectors, similarities
from ste_graph.trials.lessons import Lesson

_ADVICE = "Start the server (`chroma run`), or give its address as http://HOST:PORT"
_MISFIT = "Use that one, or a new server: `ste memory export`, then `ste memory import`"

_LAYOUT: Final = 3
"""The version of a server's data. 2: without the directory of scopes."""

READ_WHOLE: Final = 256
"""Tools of so many exemplars are compared in full."""

_FEW_TOOLS: Final = 8
"""So many tools are searched one by one, which is exact; of more, the nearest of all are looked through first."""

_AT_FIRST: Final = 2
"""Exemplars read in one go, for each that is wanted: most may be shown."""

_MOST_READ: Final = 2048
"""The number of nearest exemplars that are looked through for those that may be shown."""


class ServerExemplars:
    """Exemplars on a Chroma server. Any number of clients may write at once: an exemplar is one row, written in one go.

    With `older`, data that an earlier version has left are read, too, though not searched.

    Raises:
        WorkflowError: the address is malformed, or the collection was made for another embedder, metric or layout.
        RunError: the server cannot be used.
    """

    def __init__(self, address: str, embedder: StoreEmbedder, *, older: bool = False) -> None:
        if fault := find_address_fault(address):
            raise WorkflowError(f"{address}: not a web address: {fault}; expected one such as http://localhost:8000")
        self.place = address
        self._embedder = embedder
        self._shown: frozenset[str] | None = None
        """The ids of the exemplars that are shown once it is frozen; None: all."""
        wording, layouts = Wording(address, _ADVICE, _MISFIT), (_LAYOUT, _LAYOUT - 1) if older else (_LAYOUT,)
        self._collection = VectorCollection(address, COLLECTION, wording, embedder.wanted, layouts)
        self._directory = ScopeDirectory(self._collection)
        embedder.made_with = self._collection.embedder

    def __len__(self) -> int:
        return len(self._opened if self._shown is None else self._shown)

    def is_empty(self) -> bool:
        # A server counts a million rows in tens of milliseconds; that it has a dimension says that there were some.
        return self._opened.dimension is None if self._shown is None else not self._shown

    def ids(self) -> list[str]:
        return self._opened.ids() if self._shown is None else list(self._shown)

    def rows(self) -> Iterator[ExemplarRow]:
        return map(RowMaker(), self.exemplars())

    def tools(self) -> set[str]:
        return {exemplar.tool for exemplar in self.exemplars()}

    def exemplars(self, tool: str | None = None) -> Iterator[Exemplar]:
        rows = self._opened.rows(None if tool is None else {"tool": tool})
        return (read_exemplar(row) for row in rows if self._is_shown(row.id))

    def get(self, ids: Sequence[str]) -> dict[str, Exemplar]:
        wanted = [id for id in dict.fromkeys(ids) if self._is_shown(id)]
        return {id: read_exemplar(row) for id, row in self._opened.get(wanted, texts=False).items()}

    def find_missing(self, ids: Iterable[str]) -> set[str]:
        wanted = list(dict.fromkeys(ids))
        return {*wanted} - self._opened.get(wanted, texts=False).keys()

    def lessons(self, tools: Iterable[str] | None = None) -> list[Lesson]:
        some = self.exemplars() if tools is None else chain.from_iterable(map(self.exemplars, dict.fromkeys(tools)))
        return lessons_from_exemplars(some)

    def freeze(self, ids: Iterable[str]) -> None:
        self._shown = frozenset(ids)

    def forget(self, is_wanted: Callable[[Exemplar], bool]) -> int:
        self._check_changeable()
        gone = [(exemplar.id, (exemplar.tool,)) for exemplar in self.exemplars() if is_wanted(exemplar)]
        self._collection.delete([id for id, _ in gone])
        self._directory.delete(gone)
        return len(gone)

    def rebuild(self) -> None:
        """Nothing: a server keeps exemplars and vectors as one."""

    def find_differences(self) -> list[str]:
        return []

    def search(self, vectors: Vectors, wanted: Wanted) -> list[list[ExemplarMatch]]:
        """Per unit vector the nearest exemplars, see `SearchableExemplars.search`.

        Exact within few tools of few exemplars each. Else by Chroma's search, in which at most the 2,048 nearest are
        looked through for such as may be shown; with `by_tool` of all tools, for those of nine.
        """
        return [self._search(vector, wanted) for vector in self.check(vectors)]

    def embed(self, texts: Sequence[str]) -> Vectors:
        return self._embedder.embed(texts, self._opened.dimension)

    def check(self, vectors: Vectors) -> Vectors:
        return self._embedder.check(vectors, self._opened.dimension)

    def close(self) -> None:
        self._collection.close()

    @property
    def _opened(self) -> VectorCollection:
        """The collection; looked for again while it is missing, as another client may have made it."""
        if self._collection.dimension is None:
            self._collection.refresh()
        self._embedder.made_with = self._collection.embedder
        return self._collection

    def _is_shown(self, id: str) -> bool:
        return self._shown is None or id in self._shown

    def _check_changeable(self) -> None:
        if self._shown is not None:
            raise RunError(f"{self.place}: is read as it was; open it again to change it")

    def add(self, exemplars: Sequence[Exemplar], vectors: Vectors | None) -> int:
        self._check_changeable()
        there = self.get([exemplar.id for exemplar in exemplars])
        new = [at for at, each in enumerate(exemplars) if each.id not in there or there[each.id].digest != each.digest]
        if not new:
            return 0
        some = [exemplars[at] for at in new]
        if vectors is not None:
            known = {exemplars[at].id: vectors[at] for at in new}
        else:
            same = [each.id for each in some if each.id in there and there[each.id].query == each.query]
            known = self._collection.get_vectors(same)
            unknown = [each for each in some if each.id not in known]
            rows = self.embed([each.query for each in unknown])
            known |= {each.id: row for each, row in zip(unknown, rows, strict=True)}
        self._directory.add((each.id, (each.tool,)) for each in some)
        add_exemplars(self._collection, some, known, self._embedder.name)
        before = ((each.id, there[each.id].tool) for each in some if each.id in there)
        now = {each.id: each.tool for each in some}
        self._directory.delete((id, (tool,)) for id, tool in before if now[id] != tool)
        self._embedder.made_with = self._collection.embedder
        return len(some)

    def _search(self, vector: Vectors, wanted: Wanted) -> list[ExemplarMatch]:
        if wanted.tools is None or len(wanted.tools) > _FEW_TOOLS:
            found = self._find(vector, wanted, None)
            if wanted.tools is None or _is_enough(found, wanted):
                return _cut(found, wanted)
        each = [self._find(vector, wanted, tool) for tool in sorted(wanted.tools)]
        return _cut([match for some in each for match in some], wanted)

    def _find(self, vector: Vectors, wanted: Wanted, tool: str | None) -> list[ExemplarMatch]:
        """The exemplars that may be shown among the nearest, as many of these as it takes."""
        scope = None if tool is None else (tool,)
        whole = None if tool is None else self._rank_tool(vector, tool)
        count = _AT_FIRST * wanted.k
        read: dict[str, Exemplar] = {}
        found: list[ExemplarMatch] = []
        while True:
            count = min(count, _MOST_READ)
            ranked = self._collection.search(vector, count, scope=scope) if whole is None else whole
            for start in range(0, len(ranked), _AT_FIRST * wanted.k):
                part = ranked[start : start + _AT_FIRST * wanted.k]
                some = self.get([id for id, _ in part if id not in read])
                read |= some
                found += [
                    ExemplarMatch(similarity=round(similarity, DECIMALS), exemplar=some[id])
                    for id, similarity in part
                    if id in some and wanted.admits(some[id]) and tool in (None, some[id].tool)
                ]
                if _is_enough(found, wanted):
                    return found
            if whole is not None or len(ranked) < count or count == _MOST_READ:
                return found
            count *= 4

    def _rank_tool(self, vector: Vectors, tool: str) -> list[tuple[str, float]] | None:
        """The ids and cosines of a tool's exemplars, best first; None if they are too many to compare them all."""
        ids = self._directory.find((tool,), READ_WHOLE + 1)
        if len(ids) > READ_WHOLE:
            return None
        vectors = self._collection.get_vectors(ids)
        if not vectors:
            return []
        cosines = similarities(np.array([*vectors.values()]), vector, TIE_DECIMALS)
        return sorted(zip(vectors, map(float, cosines), strict=True), key=lambda row: (-row[1], row[0]))


def _is_enough(found: Sequence[ExemplarMatch], wanted: Wanted) -> bool:
    """True if no more need to be looked through."""
    if not wanted.by_tool:
        return len(found) >= wanted.k
    return len({match.exemplar.tool for match in found}) > _FEW_TOOLS


def _cut(found: Sequence[ExemplarMatch], wanted: Wanted) -> list[ExemplarMatch]:
    """The k best, or with `by_tool` the k best of each tool, best first."""
    ranked = sorted(found, key=lambda match: (-match.similarity, match.exemplar.id))
    if not wanted.by_tool:
        return ranked[: wanted.k]
    of_tool: Counter[str] = Counter()
    kept = []
    for match in ranked:
        of_tool[match.exemplar.tool] += 1
        if of_tool[match.exemplar.tool] <= wanted.k:
            kept.append(match)
    return kept
