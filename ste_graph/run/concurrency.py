"""Jobs side by side, until all are done or something stops them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable


async def run_side_by_side(
    jobs: Iterable[Coroutine[None, None, None]], stop: asyncio.Event, give_up: Callable[[], None]
) -> bool:
    """Run the jobs until all are done (True), or `stop` is set, which cancels them (False).

    A fault of one cancels the others, and is raised. A job may take its time to end; whoever will not wait for that
    cancels this once more, and `give_up` is called.
    """
    ended: asyncio.Queue[asyncio.Task[None] | None] = asyncio.Queue()
    tasks = {asyncio.create_task(job): None for job in jobs}
    for task in tasks:
        task.add_done_callback(ended.put_nowait)
    stopping = asyncio.create_task(stop.wait())
    stopping.add_done_callback(lambda _: ended.put_nowait(None))
    left = len(tasks)
    try:
        while left and not stop.is_set() and (done := await ended.get()) is not None:
            left -= 1
            del tasks[done]  # so that what a unit held is let go of while others go on
            done.result()
        return not left
    finally:
        stopping.cancel()
        for task in tasks:
            task.cancel()
        rest = asyncio.gather(stopping, *tasks, return_exceptions=True)
        try:
            await asyncio.shield(rest)
        except asyncio.CancelledError:
            give_up()
            await rest
            raise
