"""The connection to an MCP server: started once, and again by the call that follows its loss."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.redaction import Redactor
from ste_graph.tools.mcp.repair import LEFT_OUT, read_meta, read_notes
from ste_graph.tools.mcp.session import ServerSession
from ste_graph.tools.mcp.transport import ProcessTransport, Transport

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult, ListToolsResult, Tool

CLOSED = "Connection closed"
LOST = (CLOSED, "SSE stream ended", "SSE stream failed")
"""The client's messages for a connection that ended; a server may give an error with the same code."""
MOST_PAGES = 1000
"""Pages of the tools' list that are read at most; the time to be ready ends most lists earlier."""
ALIVE_S = 5.0
"""Seconds that a server has to show that it still answers, after a call that did not end in time."""
CLOSE_S = 10.0
"""Seconds that a server has to end."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class ConnectionLostError(Exception):
    """No connection could be made, or it was lost; the text says how."""


class Connection:
    """A server for the time of a run. It has `start_s` seconds to be ready.

    `faults` are those of the tools' list at the last start: tools that cannot be used, and what else was off.
    """

    def __init__(self, transport: Transport, start_s: float, redactor: Redactor) -> None:
        self.transport = transport
        self.faults: list[str] = []
        self._redactor = redactor
        self._start_s = start_s
        self._session: ServerSession | None = None
        self._probe: asyncio.Task[None] | None = None
        self._renewing = asyncio.Lock()

    async def start(self) -> list[Tool]:
        """Starts the server and gives all its tools, in its order.

        Raises `ConnectionLostError` if it does not list them in time, `WorkflowError` if there is nothing to start.
        """
        self._session = session = ServerSession(self.transport, self._redactor)
        try:
            async with asyncio.timeout(self._start_s):
                return await self._list_tools()
        except asyncio.CancelledError:
            await self.stop()
            raise
        except Exception as error:
            await self.stop()
            if isinstance(error, WorkflowError):
                raise
            how = (
                "it ended before it was ready"
                if describe_connection_error(error) == CLOSED
                else describe_connection_error(error)
            )
            if isinstance(error, TimeoutError):
                how = f"it was not ready within {self._start_s:g} s"
            how = self._with_recent_output(how, session.junk)
            raise ConnectionLostError("\n".join([how, *await self.transport.diagnose()])) from error

    async def stop(self) -> None:
        """Ends the server."""
        session, self._session = self._session, None
        probe, self._probe = self._probe, None
        if probe is not None:
            probe.cancel()
            await asyncio.wait([probe])
        if session is not None:
            await session.close()

    async def _list_tools(self) -> list[Tool]:
        found: list[Tool] = []
        faults: list[str] = []
        cursors: set[str | None] = set()
        cursor: str | None = None
        while True:
            page = await self._request(partial(list_page, cursor=cursor))
            found += page.tools
            faults += [f"left out {fault}" for fault in read_meta(page.meta, LEFT_OUT) or ()]
            faults += read_notes(page.meta)
            cursors.add(cursor)
            cursor = page.next_cursor
            if not cursor:
                break
            if cursor in cursors:
                faults.append(f"the list of tools comes back to the page `{cursor:.40}`; it was read up to there")
                break
            if len(cursors) == MOST_PAGES:
                faults.append(f"the list of tools has more than {MOST_PAGES:,} pages; the rest was left out")
                break
        self.faults[:] = faults
        return found

    async def ensure_ready(self) -> None:
        """Makes sure that the server is up: ends one that hangs, and starts again one that has ended.

        Raises `ConnectionLostError` if it does not start, or not in time.
        """
        limit_s = ALIVE_S + CLOSE_S + self._start_s
        try:
            async with asyncio.timeout(limit_s):
                if self._probe is not None:
                    await asyncio.wait([self._probe])
                async with self._renewing:
                    if self._session is None or self._session.ended:
                        await self.stop()
                        await self.start()
        except TimeoutError as error:
            raise ConnectionLostError(f"it did not end and start again within {limit_s:g} s") from error
        except WorkflowError as error:
            raise ConnectionLostError(str(error)) from error

    async def call(self, tool: str, arguments: Mapping[str, Json]) -> CallToolResult:
        """The server's answer. Raises `ConnectionLostError`, and the client's own errors for an answer that is one."""
        await self.ensure_ready()
        session = self._session
        try:
            return await self._request(lambda client: client.call_tool(tool, dict(arguments)))
        except asyncio.CancelledError:  # its time was over: the tool is slow, or the server hangs
            if session is not None and (self._probe is None or self._probe.done()):
                self._probe = asyncio.create_task(end_if_dead(session), name=f"ste-mcp probe {self.transport.name}")
            raise
        except ConnectionLostError as error:
            raise ConnectionLostError(self._with_recent_output(str(error))) from error

    async def _request(self, ask: Callable[[Client], Awaitable[T]]) -> T:
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED

        session = self._session
        if session is None:
            raise ConnectionLostError("it was ended")
        try:
            return await ask(await session.client())
        except MCPError as error:
            local = isinstance(self.transport, ProcessTransport)
            closed = error.code == CONNECTION_CLOSED and error.message.startswith(CLOSED if local else LOST)
            if closed or (not local and error.message == "Session terminated"):
                session.ended = True
                raise ConnectionLostError(describe_connection_error(error)) from error
            raise

    def _with_recent_output(self, what: str, junk: Sequence[str] = ()) -> str:
        lines = [*self.transport.recent_output(), *(f"(stdout) {line}" for line in junk)]
        output = "".join(f"\n  {line}" for line in lines)
        return self._redactor.redact(f"{what}; its last output:{output}" if output else what)


async def end_if_dead(session: ServerSession) -> None:
    """Ends a session whose server no longer even lists its tools, so that it is started again."""
    try:
        async with asyncio.timeout(ALIVE_S):
            await list_page(await session.client())
    except Exception as error:
        log.debug("an MCP server hangs: %s", describe_connection_error(error))
        await session.close()


async def list_page(client: Client, *, cursor: str | None = None) -> ListToolsResult:
    """One page of the tools' list, fresh from the server."""
    return await client.list_tools(cursor=cursor, cache_mode="bypass")


def leaf_exceptions(error: BaseException) -> Iterator[BaseException]:
    """The exceptions in a group, also in groups within it; a single exception alone."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaf_exceptions(inner)
    else:
        yield error


def describe_connection_error(error: BaseException) -> str:
    """The message of an error, in one line where that is possible."""
    first = next(leaf_exceptions(error))
    text = str(first).strip()
    if isinstance(first, ValidationError):
        faults = first.errors(include_url=False, include_input=False)
        where = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults[:3])
        return f"The server's answer does not follow MCP: {where}"
    if text and (isinstance(first, ConnectionLostError) or type(first).__name__ == "MCPError"):
        return text
    return f"{type(first).__name__}: {text}".rstrip(": ")
