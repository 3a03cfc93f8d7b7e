"""The connection to an MCP server: started once, and again by the call that follows its loss."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.redaction import Redactor
from ste_graph.tools.mcp.transport import ProcessTransport, Transport

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult, ListToolsResult, Tool

CLOSED = "Connection closed"
"""The client's message for a connection that ended; a server may give an error with the same code."""
MOST_PAGES = 100
ALIVE_S = 5.0
"""Seconds that a server has to show that it still answers, after a call that did not end in time."""
CLOSE_S = 10.0
"""Seconds that a server has to end."""

T = TypeVar("T")

log = logging.getLogger(__name__)
for name in ("mcp", "client"):  # else the tracebacks and warnings of the client go to the terminal
    logging.getLogger(name).addHandler(logging.NullHandler())


class ConnectionLostError(Exception):
    """No connection could be made, or it was lost; the text says how."""


class ServerSession:
    """One life of a server.

    The client's contexts must be entered and left by the same task: this object's own. Calls may come from any.
    """

    def __init__(self, transport: Transport, redactor: Redactor) -> None:
        self.ended = False
        self.junk: list[str] = []
        self._transport = transport
        self._redactor = redactor
        self._over = asyncio.Event()
        self._ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._serve(), name=f"ste-mcp {transport.name}")

    async def client(self) -> Client:
        """The client, once the server has answered its greeting. Raises the error that prevented that."""
        return await asyncio.shield(self._ready)

    async def close(self) -> None:
        """Ends the session, and with it the server's process."""
        self._over.set()
        if not self._ready.done():
            self._task.cancel()
        await asyncio.wait([self._task])
        if self._ready.done() and not self._ready.cancelled():
            self._ready.exception()  # seen, though perhaps nobody waits for it any more

    async def _serve(self) -> None:
        from mcp import Client

        try:
            async with Client(self._open_streams(), mode="auto") as client:
                self._ready.set_result(client)
                await self._over.wait()
        except Exception as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            log.debug("MCP server `%s`: %s", self._transport.name, describe_error(error))
        finally:
            self.ended = True
            self._ready.cancel()

    @asynccontextmanager
    async def _open_streams(self) -> AsyncIterator[tuple[Any, Any]]:
        """The transport's streams, without lines that are not messages; notices when they end."""
        import anyio

        async with self._transport.open() as (read, write):
            if not isinstance(self._transport, ProcessTransport):
                yield read, write
                return
            send, receive = anyio.create_memory_object_stream[Any](0)
            async with anyio.create_task_group() as group:
                group.start_soon(self._pass_on, read, send)
                try:
                    yield receive, write
                finally:
                    group.cancel_scope.cancel()

    async def _pass_on(self, read: Any, send: Any) -> None:
        import anyio

        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            try:
                async for message in read:
                    if isinstance(message, Exception):
                        self._note_junk(message)
                    else:
                        await send.send(message)
            finally:
                self.ended = True
                send.close()

    def _note_junk(self, error: Exception) -> None:
        first = next((str(detail["input"]) for detail in getattr(error, "errors", list)()), str(error))
        line = self._redactor.redact(first.strip())
        if line and not self.junk:
            log.warning(
                "tools: the MCP server `%s` writes lines to stdout that are not MCP messages; left out: %.100r",
                self._transport.name,
                line,
            )
        self.junk = [*self.junk[-3:], line[:200]]


class Connection:
    """A server for the time of a run. It has `start_s` seconds to be ready."""

    def __init__(self, transport: Transport, start_s: float, redactor: Redactor) -> None:
        self.transport = transport
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
            how = "it ended before it was ready" if describe_error(error) == CLOSED else describe_error(error)
            if isinstance(error, TimeoutError):
                how = f"it was not ready within {self._start_s:g} s"
            raise ConnectionLostError(self._with_recent_output(how, session.junk)) from error

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
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await self._request(partial(list_page, cursor=cursor))
            found += page.tools
            cursor = page.next_cursor
            if not cursor:
                break
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
            closed = error.code == CONNECTION_CLOSED and (not local or error.message == CLOSED)
            if closed or (not local and error.message == "Session terminated"):
                session.ended = True
                raise ConnectionLostError(describe_error(error)) from error
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
        log.debug("an MCP server hangs: %s", describe_error(error))
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


def describe_error(error: BaseException) -> str:
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
