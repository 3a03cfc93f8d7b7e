"""The record memories of a run, open and holding what the step logs hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from ste_graph.contracts import RecordStore
from ste_graph.language.workflow import Workflow
from ste_graph.run.folder import RunFolder
from ste_graph.run.recording import entries_of
from ste_graph.run.step_log import StepLog


@asynccontextmanager
async def opened_stores(
    workflow: Workflow, folder: RunFolder, logs: Iterable[StepLog], said: Callable[[str], None]
) -> AsyncIterator[dict[str, RecordStore]]:
    """The stores by the names of their memories; all are closed at the end, whatever happens to one of them."""
    entries = [pair for log in logs for step in log.recorded for pair in entries_of(step, workflow.records)]
    async with AsyncExitStack() as stack:
        stores: dict[str, RecordStore] = {}
        for name, spec in workflow.memories.items():
            if spec.of is None:
                continue
            said(f"opening the memory `{name}`")
            lasting = spec.lives == "forever"
            stores[name] = await asyncio.to_thread(spec.memory.open, name, folder.memory(name), lasting=lasting)
            stack.push_async_callback(stores[name].close)
            await stores[name].reconcile([entry for memory, entry in entries if memory == name])
        yield stores
