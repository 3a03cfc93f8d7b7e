"""Calls that may change the world: logged before they are made and once they are answered, and never made twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from ste_graph.contracts import Json, Observation, Tool
from ste_graph.ids import now
from ste_graph.run.step_log import StepLog
from ste_graph.tools.forwarded import ForwardedTool

Given = TypeVar("Given")

INTERRUPTED = (
    "The run was interrupted while this call was under way. It may or may not have taken effect; "
    "it was not made a second time."
)

_watch: ContextVar[tuple[StepLog, str] | None] = ContextVar("_watch", default=None)


@contextmanager
def under_watch(log: StepLog, call: str) -> Iterator[None]:
    """Within it, a guarded tool knows which call of which step it is, and the log to say so in."""
    token = _watch.set((log, call))
    try:
        yield
    finally:
        _watch.reset(token)


@dataclass(frozen=True)
class GuardedTool(ForwardedTool):
    """A tool that is not `read`: its call is begun in the log, durably, before it is made.

    A call that was begun by an earlier process and has no result is answered with kind `interrupted`.
    """

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        watched = _watch.get()
        if watched is None:
            raise RuntimeError(f"`{self.name}` may only be called from a step of a run")
        log, call = watched
        if call in log.begun_calls:
            return Observation(ok=False, kind="interrupted", text=INTERRUPTED)
        log.begin_call(call, self.name, now())
        return await self.tool.call(arguments)


def guarded(tool: Tool) -> Tool:
    """The tool, guarded unless it only reads."""
    return tool if tool.effect == "read" else GuardedTool(tool)


class UnderWay:
    """What a run waits for when it is stopped: calls that may change the world, and sub-workflows that come to rest."""

    def __init__(self) -> None:
        self._calls: set[asyncio.Task[Any]] = set()

    async def to_its_end(
        self,
        calling: Coroutine[None, None, Given],
        *,
        begun: Callable[[], bool],
        waiting: Callable[[], None],
        context: Context | None = None,
    ) -> tuple[Given, asyncio.CancelledError | None]:
        """What a call gave, and what cancelled its step meanwhile: once `begun`, the call is waited for all the same.

        Its own time limit bounds that, and `give_up` ends it. `waiting` is called when it begins.
        """
        call = asyncio.get_running_loop().create_task(calling, context=context)
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        cancelled: asyncio.CancelledError | None = None
        while not call.done():
            try:
                await asyncio.wait([call])
            except asyncio.CancelledError as error:
                if not begun():
                    call.cancel()
                elif cancelled is None:
                    waiting()
                cancelled = error
        return call.result(), cancelled

    def give_up(self) -> None:
        """Wait for none of them any longer."""
        for call in self._calls:
            call.cancel()
