"""Calls that may change the world: logged before they are made, and never made twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ste_graph.contracts import Json, Observation, Tool
from ste_graph.ids import now
from ste_graph.run.logs.steps import UnitLog
from ste_graph.tools.forwarded import ForwardedTool

INTERRUPTED = (
    "The run was interrupted while this call was under way. It may or may not have taken effect; "
    "it was not made a second time."
)

current_call: ContextVar[tuple[UnitLog, str] | None] = ContextVar("current_call", default=None)
"""The call that a step is making, by step and number, and the log of its unit."""


@contextmanager
def log_call(log: UnitLog, call: str) -> Iterator[None]:
    """Tell the `WriteAheadTool` that is called within this context which call it is, and the log to write it to."""
    token = current_call.set((log, call))
    try:
        yield
    finally:
        current_call.reset(token)


@dataclass(frozen=True)
class WriteAheadTool(ForwardedTool):
    """A tool that is not `read`: its call is written to the log, durably, before it is made.

    A call that was started by an earlier process and has no result is answered with kind `interrupted`.
    """

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        current = current_call.get()
        if current is None:
            raise RuntimeError(f"`{self.name}` may only be called from a step of a run")
        log, call = current
        if call in log.started_calls:
            return Observation(ok=False, kind="interrupted", text=INTERRUPTED)
        await log.start_call(call, self.name, now())
        return await self.tool.call(arguments)


def write_ahead(tool: Tool) -> Tool:
    """Return the tool with its calls written ahead, unless it only reads."""
    return tool if tool.effect == "read" else WriteAheadTool(tool)
