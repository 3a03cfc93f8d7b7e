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
    tasks = [asyncio.create_task(job) for job in jobs]
    stopping = asyncio.create_task(stop.wait())
    left = set(tasks)
    try:
        while left and not stop.is_set():
            await asyncio.wait([*left, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in left if task.done()]:
                task.result()
                left.remove(task)
        return not left
    finally:
        stopping.cancel()
        for task in tasks:
            task.cancel()
        ended = asyncio.gather(stopping, *tasks, return_exceptions=True)
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError:
            give_up()
            await ended
            raise
