"""Exemplars of an earlier run, or of a store, lent to the nodes of this run: `{use: chroma, from: runs/…}`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ste_graph.contracts import Entry, Json, Near, Shown
from ste_graph.errors import RunError, WorkflowError

from .exemplar import Exemplar
from .exemplars import ExemplarStore
from .rendering import as_text
from .selection import Found, Selection
from .standing import stood

if TYPE_CHECKING:
    from .embedders import Embedder
    from .experience import Nearest


class LentStore:
    """A store of exemplars as a run reads it: never written, and as it stood when the run began.

    Which exemplars there were is kept in the run's folder, so that a run taken up again sees the same.
    """

    def __init__(
        self, where: str, source: str, folder: Path, recall: Literal["all"] | Nearest, embedder: Embedder | str | None
    ) -> None:
        self._where = where
        self._recall = recall
        try:
            self._store = ExemplarStore.open(source, embedder=embedder)
            self._store.freeze(stood(folder / "exemplars.json", lambda: self._store.ids))
        except (WorkflowError, RunError) as error:
            raise type(error)(f"{where}: {error}") from error

    async def reconcile(self, entries: Iterable[Entry]) -> None:
        """Nothing: the run adds nothing here."""

    def add(self, entry: Entry) -> None:
        raise RunError(f"{self._where}: is read only, since it is lent by another run")

    async def recall(self, scope: str, *, like: str | None, seed: int) -> list[dict[str, Json]]:
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

    async def nearest(self, scope: str, text: str, k: int) -> list[Near]:
        return [_near(found) for found in await self._store.asearch(text, max(k, 0))]

    async def entries(self, scope: str) -> list[Entry]:
        return [_entry(one) for one in await asyncio.to_thread(self._store.exemplars)]

    async def lent(self, query: str, *, choice: Mapping[str, Json], tools: Sequence[str] | None) -> Shown:
        """The exemplars for a request, as the settings of `Selection` in `choice` say."""
        selection = Selection.model_validate(dict(choice))
        found = await self._store.aselect(query, selection, tools=tools)
        exemplars = [one.exemplar for one in found]
        return Shown(
            text=as_text(exemplars, observations=selection.shows_observations),
            exemplars=[one.model_dump(mode="json") for one in exemplars],
        )

    async def close(self) -> None:
        await asyncio.to_thread(self._store.close)


def _near(found: Found) -> Near:
    return Near(similarity=found.similarity, entry=_entry(found.exemplar))


def _entry(one: Exemplar) -> Entry:
    return Entry(id=one.id, scope=one.tool, text=one.query, record=one.model_dump(mode="json"))
