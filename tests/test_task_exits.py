from __future__ import annotations

import asyncio
import sys

import pytest

from ste_graph.task_exits import TaskExitError, contained_exits


async def leave() -> None:
    await asyncio.sleep(0)
    sys.exit(3)


async def test_a_task_that_calls_exit_fails_alone() -> None:
    with contained_exits():
        found = await asyncio.gather(leave(), asyncio.sleep(0, "went on"), return_exceptions=True)
    assert (str(found[0]), found[1]) == ("SystemExit: 3", "went on")
    assert isinstance(found[0], TaskExitError)


async def test_a_task_that_calls_exit_while_it_is_cancelled_fails_alone() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            sys.exit("no")

    with contained_exits():
        task = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(TaskExitError, match="SystemExit: no"):
            await task


@pytest.mark.filterwarnings("error")
async def test_a_task_that_is_cancelled_before_it_begins_leaves_nothing_behind() -> None:
    with contained_exits():
        task = asyncio.create_task(leave(), name="early")
        assert (task.get_name(), task.get_coro().__name__) == ("early", "leave")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_a_task_outside_still_ends_the_program() -> None:
    async def outside() -> None:
        with contained_exits():
            pass
        await asyncio.gather(leave())

    with pytest.raises(SystemExit):
        asyncio.run(outside())
