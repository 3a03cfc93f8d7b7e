"""Tasks that call `sys.exit`: asyncio would end the whole program there, without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_is_contained: ContextVar[bool] = ContextVar("_is_contained", default=False)


class TaskExitError(Exception):
    """A task called `sys.exit`, with the status that the text tells."""


@contextmanager
def contained_exits() -> Iterator[None]:
    """A time in which `sys.exit` in a task that begins here is an error of that task, and ends nothing else.

    Other tasks of the same event loop are as before, and a task factory that it has already stays.
    """
    loop = asyncio.get_running_loop()
    if loop.get_task_factory() is None:
        loop.set_task_factory(_make_task)
    token = _is_contained.set(True)
    try:
        yield
    finally:
        _is_contained.reset(token)


def _make_task(loop: asyncio.AbstractEventLoop, work: Any, **settings: Any) -> asyncio.Task[Any]:
    return asyncio.Task(_ContainedWork(work) if _is_contained.get() else work, loop=loop, **settings)


class _ContainedWork(Coroutine[Any, Any, Any]):
    """A coroutine whose `SystemExit` is an ordinary error."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work = work

    def __getattr__(self, name: str) -> Any:  # the frame and the names, for whoever looks at a task
        return getattr(self._work, name)

    def __await__(self) -> Iterator[Any]:  # type: ignore[override]
        return self._work.__await__()

    def send(self, value: Any) -> Any:
        try:
            return self._work.send(value)
        except SystemExit as error:
            raise TaskExitError(f"SystemExit: {error}") from error

    def throw(self, *error: Any) -> Any:
        try:
            return self._work.throw(*error)
        except SystemExit as exit:
            raise TaskExitError(f"SystemExit: {exit}") from exit

    def close(self) -> None:
        self._work.close()
