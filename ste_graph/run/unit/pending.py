"""The calls that a stopped run waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

Result = TypeVar("Result")


class PendingCalls:
    """Calls that a run does not cancel when it is stopped: those that may change the world, and sub-workflows."""

    def __init__(self) -> None:
        self._calls: set[asyncio.Task[Any]] = set()

    async def wait_for(
        self,
        coroutine: Coroutine[None, None, Result],
        *,
        has_started: Callable[[], bool],
        on_wait: Callable[[], None],
        context: Context | None = None,
    ) -> tuple[Result, asyncio.CancelledError | None]:
        """Return the call's result, and what cancelled its step meanwhile: a call that has started is waited for.

        Its own time limit bounds the wait, and `give_up` ends it. `on_wait` is called when it begins.
        """
        call = asyncio.get_running_loop().create_task(coroutine, context=context)
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        cancelled: asyncio.CancelledError | None = None
        while not call.done():
            try:
                await asyncio.wait([call])
            except asyncio.CancelledError as error:
                if not has_started():
                    call.cancel()
                elif cancelled is None:
                    on_wait()
                cancelled = error
        return call.result(), cancelled

    def give_up(self) -> None:
        """Wait for none of them any longer."""
        for call in self._calls:
            call.cancel()
