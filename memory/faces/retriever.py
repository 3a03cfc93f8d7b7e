"""Exemplars as LangChain documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from ste_graph.contracts import Selection
from ste_graph.memory.exemplars.rendering import exemplars_text
from ste_graph.memory.exemplars.selection import ExemplarMatch
from ste_graph.memory.exemplars.store import ExemplarStore


class ExemplarRetriever(BaseRetriever):
    """A retriever over a store: each document is one exemplar as a prompt shows it, its origin in the metadata."""

    store: Any
    """An `ExemplarStore`."""
    selection: Selection | None = None
    """None: the store's own. Without an `order`, the most similar comes first, unlike elsewhere: users of retrievers
    expect it."""
    offered: Sequence[str] | None = None
    """The tools offered: no exemplar names another one. None: any tool."""

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        store: ExemplarStore = self.store
        return [self._document(found) for found in store.select(query, self._ordered, tools=self.offered)]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        store: ExemplarStore = self.store
        return [self._document(found) for found in await store.aselect(query, self._ordered, tools=self.offered)]

    @property
    def _ordered(self) -> Selection:
        chosen: Selection = self.selection or self.store.selection
        is_set = "order" in chosen.model_fields_set
        return chosen if is_set else chosen.model_copy(update={"order": "most_similar_first"})

    def _document(self, found: ExemplarMatch) -> Document:
        exemplar = found.exemplar
        return Document(
            page_content=exemplars_text([exemplar], observations=self._ordered.shows_observations),
            id=exemplar.id,
            metadata={
                "similarity": found.similarity,
                "query": exemplar.query,
                "tool": exemplar.tool,
                "arguments": exemplar.arguments,
                "run": exemplar.run,
                "trial_id": exemplar.trial_id,
                "fingerprint": exemplar.fingerprint,
            },
        )
