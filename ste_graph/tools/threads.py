"""A thread for a blocking function, for which the program need not wait when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def run_in_daemon_thread(function: Callable[[], T]) -> T:
    """The result of `function`, or what it raises. If the awaiting task is cancelled, the thread goes on alone.

    A thread cannot be killed, and the loop's default executor waits for its threads when the program ends: one hanging
    tool would keep a finished run from ending. A daemon thread does not. Threads that are free are used again: to start
    one makes the loop wait for it, some milliseconds where the machine is busy.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def settle(outcome: Callable[[], None]) -> None:
        if not done.done():
            outcome()

    def work() -> None:
        try:
            outcome = partial(done.set_result, context.run(function))
        except BaseException as error:
            outcome = partial(done.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody awaits this any more
            loop.call_soon_threadsafe(settle, outcome)

    (_free.pop() if _free else _Worker()).jobs.put(work)
    return await done


class _Worker:
    """A thread that does one job after another, and is free in between."""

    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="ste-tool", daemon=True).start()

    def _work(self) -> None:
        while True:
            self.jobs.get()()
            _free.append(self)


_free: list[_Worker] = []
"""The threads that wait for a job: as many as ever worked at once."""
