"""A connection to an MCP server: started once, started again by the call that follows its loss."""

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
from ste_graph.tools.mcp.transport import Process, Transport

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult, ListToolsResult, Tool

CLOSED = "Connection closed"
"""The client's words for a connection that ended; a server may give an error with the same code."""
MOST_PAGES = 100
ALIVE_S = 5.0
"""After a call that did not end in time: how long the server may take to show that it still answers."""
CLOSE_S = 10.0
"""How long the server may take to end."""

T = TypeVar("T")

log = logging.getLogger(__name__)
for name in ("mcp", "client"):  # else the tracebacks and warnings of the client go to the terminal
    logging.getLogger(name).addHandler(logging.NullHandler())


class ConnectionLostError(Exception):
    """There is no connection, or it was lost; the text says how."""


class Session:
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
        self._task = asyncio.create_task(self._live(), name=f"ste-mcp {transport.name}")

    async def ready(self) -> Client:
        """The client, when the server has shaken hands. Raises whatever kept it from doing so."""
        return await asyncio.shield(self._ready)

    async def close(self) -> None:
        """End the session, and with it the server's process."""
        self._over.set()
        if not self._ready.done():
            self._task.cancel()
        await asyncio.wait([self._task])
        if self._ready.done() and not self._ready.cancelled():
            self._ready.exception()  # seen, though perhaps nobody waits for it any more

    async def _live(self) -> None:
        from mcp import Client

        try:
            async with Client(self._watched(), mode="auto") as client:
                self._ready.set_result(client)
                await self._over.wait()
        except Exception as fault:
            if not self._ready.done():
                self._ready.set_exception(fault)
            log.debug("MCP server `%s`: %s", self._transport.name, said(fault))
        finally:
            self.ended = True
            self._ready.cancel()

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[tuple[Any, Any]]:
        """The transport's streams; what comes that is no message is put aside, and the end is noticed."""
        import anyio

        async with self._transport.open() as (read, write):
            if not isinstance(self._transport, Process):
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
                        self._put_aside(message)
                    else:
                        await send.send(message)
            finally:
                self.ended = True
                send.close()

    def _put_aside(self, fault: Exception) -> None:
        first = next((str(error["input"]) for error in getattr(fault, "errors", list)()), str(fault))
        line = self._redactor.redact(first.strip())
        if line and not self.junk:
            log.warning(
                "tools: the MCP server `%s` writes to stdout what is no MCP message; left out: %.100r",
                self._transport.name,
                line,
            )
        self.junk = [*self.junk[-3:], line[:200]]


class Connection:
    """A server for the time of a run. `start_s`: seconds that it may take to be ready."""

    def __init__(self, transport: Transport, start_s: float, redactor: Redactor) -> None:
        self.transport = transport
        self._redactor = redactor
        self._start_s = start_s
        self._session: Session | None = None
        self._probe: asyncio.Task[None] | None = None
        self._renewing = asyncio.Lock()

    async def start(self) -> list[Tool]:
        """Start the server; gives all its tools, in its order.

        Raises `Lost` if they are not there in time, and `WorkflowError` if there is nothing to start.
        """
        self._session = session = Session(self.transport, self._redactor)
        try:
            async with asyncio.timeout(self._start_s):
                return await self._tools()
        except asyncio.CancelledError:
            await self.stop()
            raise
        except Exception as fault:
            await self.stop()
            if isinstance(fault, WorkflowError):
                raise
            how = "it ended before it was ready" if said(fault) == CLOSED else said(fault)
            if isinstance(fault, TimeoutError):
                how = f"it was not ready within {self._start_s:g} s"
            raise ConnectionLostError(self._with_last_words(how, session.junk)) from fault

    async def stop(self) -> None:
        """End the server."""
        session, self._session = self._session, None
        probe, self._probe = self._probe, None
        if probe is not None:
            probe.cancel()
            await asyncio.wait([probe])
        if session is not None:
            await session.close()

    async def _tools(self) -> list[Tool]:
        found: list[Tool] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await self._asked(partial(listing, cursor=cursor))
            found += page.tools
            cursor = page.next_cursor
            if not cursor:
                break
        return found

    async def ready(self) -> None:
        """See that the server is up: one that hangs is ended, and one that has ended is started again.

        Raises `Lost` if it cannot be, or not in time.
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
        except TimeoutError as fault:
            raise ConnectionLostError(f"it did not end and start again within {limit_s:g} s") from fault
        except WorkflowError as fault:
            raise ConnectionLostError(str(fault)) from fault

    async def call(self, tool: str, arguments: Mapping[str, Json]) -> CallToolResult:
        """The server's answer. Raises `Lost`, and the client's own errors for an answer that is one."""
        await self.ready()
        session = self._session
        try:
            return await self._asked(lambda client: client.call_tool(tool, dict(arguments)))
        except asyncio.CancelledError:  # its time was over: the tool is slow, or the server hangs
            if session is not None and (self._probe is None or self._probe.done()):
                self._probe = asyncio.create_task(end_if_dead(session), name=f"ste-mcp probe {self.transport.name}")
            raise
        except ConnectionLostError as fault:
            raise ConnectionLostError(self._with_last_words(str(fault))) from fault

    async def _asked(self, asking: Callable[[Client], Awaitable[T]]) -> T:
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED

        session = self._session
        if session is None:
            raise ConnectionLostError("it was ended")
        try:
            return await asking(await session.ready())
        except MCPError as fault:
            local = isinstance(self.transport, Process)
            closed = fault.code == CONNECTION_CLOSED and (not local or fault.message == CLOSED)
            if closed or (not local and fault.message == "Session terminated"):
                session.ended = True
                raise ConnectionLostError(said(fault)) from fault
            raise

    def _with_last_words(self, what: str, junk: Sequence[str] = ()) -> str:
        lines = [*self.transport.last_words(), *(f"(stdout) {line}" for line in junk)]
        words = "".join(f"\n  {line}" for line in lines)
        return self._redactor.redact(f"{what}; its last words:{words}" if words else what)


async def end_if_dead(session: Session) -> None:
    """End a session whose server does not even list its tools any more, so that it is started anew."""
    try:
        async with asyncio.timeout(ALIVE_S):
            await listing(await session.ready())
    except Exception as fault:
        log.debug("an MCP server hangs: %s", said(fault))
        await session.close()


async def listing(client: Client, *, cursor: str | None = None) -> ListToolsResult:
    """One page of the tools' list, fresh from the server."""
    return await client.list_tools(cursor=cursor, cache_mode="bypass")


def leaves(fault: BaseException) -> Iterator[BaseException]:
    """The exceptions in a group of them, or the one that it is."""
    if isinstance(fault, BaseExceptionGroup):
        for inner in fault.exceptions:
            yield from leaves(inner)
    else:
        yield fault


def said(fault: BaseException) -> str:
    """What went wrong, in one line where that is possible."""
    first = next(leaves(fault))
    text = str(first).strip()
    if isinstance(first, ValidationError):
        faults = first.errors(include_url=False, include_input=False)
        where = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in faults[:3])
        return f"The server's answer is not what MCP asks for: {where}"
    return (
        text
        if text and type(first).__name__ in ("Lost", "MCPError")
        else f"{type(first).__name__}: {text}".rstrip(": ")
    )
