"""The observers of a run: what packages read its files with while it goes on. The run knows nothing of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

from ste_graph.registry import find_entry_points

Observer: TypeAlias = Callable[[Path, Callable[[str], None]], AbstractContextManager[list[str]]]
"""Observes the run in a folder while its context lasts; the list holds, at the end, what a person should know.

It tells what it does in messages. It never raises, and does not hold up the end of the run.
"""


@asynccontextmanager
async def open_observers(folder: Path, message: Callable[[str], None]) -> AsyncIterator[list[str]]:
    """Let all observers that are installed observe the run in a folder; the list holds their remarks at the end."""
    remarks: list[str] = []
    async with AsyncExitStack() as stack:
        for point in find_entry_points("observers").values():
            observer: Observer = point.load()
            await stack.enter_async_context(_observe(observer, folder, message, remarks))
        yield remarks


@asynccontextmanager
async def _observe(
    observer: Observer, folder: Path, message: Callable[[str], None], remarks: list[str]
) -> AsyncIterator[None]:
    observing = observer(folder, message)
    own = observing.__enter__()
    try:
        yield
    finally:
        await asyncio.to_thread(observing.__exit__, None, None, None)
        remarks += own
