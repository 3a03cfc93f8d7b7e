import asyncio
import threading

import pytest

from ste_graph.tools.threads import run_in_daemon_thread


async def test_a_thread_that_is_free_is_used_again() -> None:
    used = {await run_in_daemon_thread(threading.get_ident) for _ in range(20)}
    # A thread gives its result just before it is free.
    assert len(used) <= 2


async def test_a_hanging_function_holds_up_no_other_and_its_thread_keeps_no_program_alive() -> None:
    go_on = threading.Event()
    hanging = asyncio.create_task(run_in_daemon_thread(go_on.wait))
    others = await asyncio.gather(*(run_in_daemon_thread(threading.current_thread) for _ in range(5)))
    assert not hanging.done()
    assert all(thread.daemon for thread in others)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    go_on.set()
    assert await run_in_daemon_thread(lambda: 7) == 7


def test_threads_of_one_loop_serve_the_next() -> None:
    assert [asyncio.run(run_in_daemon_thread(lambda: 7)) for _ in range(3)] == [7, 7, 7]
