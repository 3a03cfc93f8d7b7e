"""Exemplars found by the meaning of a request, and shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ste_graph.contracts import VERIFIED, Message, Selection
from ste_graph.distil.normalisation import words
from ste_graph.errors import WorkflowError
from ste_graph.memory.exemplars.cache import Holdings
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.lessons import lessons_in
from ste_graph.memory.exemplars.rendering import SEPARATOR, Form, as_messages, as_text
from ste_graph.memory.exemplars.selection import Found, approximate_tokens, chosen
from ste_graph.memory.vectors.similarity import Vectors, similarities
from ste_graph.trials.lessons import Lesson, lesson_text, rank_lessons


class ExemplarSearch(Holdings):
    """The reading side of a store. The comparison is exact: it is made here, over all of a tool's vectors."""

    teaches: bool = True
    """Whether it gives the lessons that its trials teach."""
    _drawn: tuple[object, list[Lesson]] | None = None

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
        found = self._candidates(query, selection, offered)
        return chosen(found, selection, lambda exemplar: _text([exemplar], selection), count)

    def render(
        self,
        query: str,
        selection: Selection | None = None,
        *,
        tools: Iterable[str] | None = None,
        count: Callable[[str], int] = approximate_tokens,
        introduction: str = "",
        lessons: int = 0,
    ) -> str:
        """The exemplars for `query` as text for a prompt, below an `introduction`; "" where there are none to show.

        Above all that stand at most so many `lessons` of the tool at hand, that of the nearest exemplar, or else the
        only one offered. They do not count for the budget.
        """
        offered = None if tools is None else list(tools)
        found = self.select(query, selection, tools=offered, count=count)
        text = _text([one.exemplar for one in found], selection or Selection())
        if found:
            at_hand = [max(found, key=lambda one: one.similarity).exemplar.tool]
        else:
            at_hand = offered if offered is not None and len(offered) == 1 else []
        lines = [line for tool in at_hand for line in self.lessons(tool, lessons)]
        return SEPARATOR.join(filter(None, ["\n".join(lines), introduction if text else "", text]))

    def lessons(self, tool: str, k: int = 3) -> list[str]:
        """At most k lessons of a tool as lines for a prompt, the best founded first.

        What trials teach that are marked stale is left out. Where the store `teaches` nothing there are none.
        """
        return (
            [lesson_text(lesson) for lesson in rank_lessons(self.learnt(), tool, k)] if self.teaches and k > 0 else []
        )

    def learnt(self) -> list[Lesson]:
        """Every lesson that the trials teach, drawn anew when the store has changed."""
        with self._current():
            if self._drawn is None or self._drawn[0] != self._seen:
                lessons = lessons_in(self.exemplars())
                self._drawn = self._seen, lessons
            return self._drawn[1]

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

    def named(self, ids: Sequence[str]) -> list[Exemplar]:
        """The exemplars of these ids, in their order; those that are not there left out."""
        with self._current():
            said = self._chroma.metadata([id for id in dict.fromkeys(ids) if id in self._rows])
        return [Exemplar.model_validate_json(str(said[id]["record"])) for id in ids if id in said]

    def lendable(self, selection: Selection, tools: Iterable[str] | None = None) -> list[tuple[str, str]]:
        """The id and the tool of every exemplar among which a selection chooses.

        They are sorted by tool and by what is asked: ids are another run's own, and would make a draw from them differ.
        """
        offered = None if tools is None or selection.paper else frozenset(tools)
        gates = frozenset(selection.gates)
        with self._current():
            rows = [
                row
                for row in self._rows.values()
                if gates <= row.gates and not row.stale and (offered is None or row.tools <= offered)
            ]
        return [(row.id, row.tool) for row in sorted(rows, key=lambda row: (row.tool, row.text, row.id))]

    def similarities(self, text: str, others: Sequence[str]) -> list[float]:
        """The cosine similarity of a text with each of the others, in [-1, 1], by the store's embedder."""
        vectors = self._embedded([text, *others])
        return [float(one) for one in similarities(vectors[1:], vectors[0])]

    def _candidates(self, query: str, selection: Selection, offered: Sequence[str] | None) -> list[Found]:
        """The nearest exemplars to select from, as many without those of the very same request as with them."""
        vectors, k, asked = self._embedded([query]), selection.fetches, words(query)
        while True:
            found = self.search_vectors(
                vectors, k, tools=offered, gates=selection.gates, by_tool=selection.by_tool
            )[0]  # fmt: skip
            if selection.allow_same_request:
                return found
            kept = [one for one in found if words(one.exemplar.query) != asked]
            wanted = selection.fetches + len(found) - len(kept)
            if wanted <= k:
                return kept
            k = wanted

    def _may_find(self, k: int) -> bool:
        if k < 0:
            raise WorkflowError(f"k is {k}; expected 0 or more")
        return k > 0 and len(self) > 0


def _text(exemplars: Iterable[Exemplar], selection: Selection) -> str:
    return as_text(exemplars, observations=selection.shows_observations)
