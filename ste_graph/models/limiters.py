"""The limiters of a run, one for each server that its models have."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from ste_graph.models.adapter import Adapter
from ste_graph.models.limiter import CONCURRENCY, START, Limiter


class Limiters:
    """The limiters of a run, one for each server; sub-workflows share them."""

    def __init__(self, concurrency: int | None = None) -> None:
        """`concurrency` is what a person set: start and ceiling of all."""
        self.ceiling = CONCURRENCY if concurrency is None else concurrency
        self._is_set = concurrency is not None
        self._limiters: dict[str, asyncio.Task[Limiter]] = {}

    async def find(self, adapter: Adapter) -> Limiter:
        """The limiter of the server that answers for this model."""
        server = server_of(adapter)
        if server not in self._limiters:
            self._limiters[server] = asyncio.create_task(self._make(adapter))
        return await asyncio.shield(self._limiters[server])

    def bound(self, concurrency: int) -> None:
        """Let each server have at most so many requests from now on; those that are in flight end as they would."""
        self.ceiling = concurrency
        for found in self._limiters.values():
            if found.done() and not found.cancelled() and found.exception() is None:
                found.result().bound(concurrency, at_once=self._is_set)

    async def _make(self, adapter: Adapter) -> Limiter:
        # A model in this process has no queue that could be too long.
        if self._is_set or not server_of(adapter):
            return Limiter(self.ceiling)
        if (slots := (await adapter.read_facts()).slots) is not None:
            return Limiter(min(slots, self.ceiling))  # more would only wait at the server
        return Limiter(START, self.ceiling)


def server_of(adapter: Adapter) -> str:
    """The server behind a model, without its path; "" for this process."""
    parts = urlsplit(adapter.location)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else adapter.location
