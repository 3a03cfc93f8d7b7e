"""A thread for a blocking function, for which the program need not wait when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def run_in_daemon_thread(function: Callable[[], T]) -> T:
    """The result of `function`, which must not raise. If the awaiting task is cancelled, the thread goes on alone.

    A thread cannot be killed, and the loop's default executor waits for its threads when the program ends: one hanging
    tool would keep a finished run from ending. A daemon thread per call does not; it costs some 0.1 ms.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: T) -> None:
        if not done.done():
            done.set_result(result)

    def work() -> None:
        result = context.run(function)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody awaits this any more
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=work, name="ste-tool", daemon=True).start()
    return await done
