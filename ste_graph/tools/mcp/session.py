"""One life of an MCP server: the official client on streams that let broken answers through."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError

from ste_graph.contracts import Json
from ste_graph.redaction import Redactor
from ste_graph.tools.mcp.messages import RequestKey, find_answered_request, find_messages
from ste_graph.tools.mcp.repair import repair_listing, repair_result
from ste_graph.tools.mcp.transport import ProcessTransport, Transport

if TYPE_CHECKING:
    from mcp import Client

REPAIRS: dict[str, Callable[[dict[str, Json]], dict[str, Json]]] = {
    "tools/call": repair_result,
    "tools/list": repair_listing,
}
"""The repair of a result, by the method of its request."""

log = logging.getLogger(__name__)
for name in ("mcp", "client"):  # else the tracebacks and warnings of the client go to the terminal
    logging.getLogger(name).addHandler(logging.NullHandler())


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
            log.debug("MCP server `%s`: %s", self._transport.name, error)
        finally:
            self.ended = True
            self._ready.cancel()

    @asynccontextmanager
    async def _open_streams(self) -> AsyncIterator[tuple[Any, Any]]:
        waiting: dict[RequestKey, str] = {}
        async with self._transport.open() as (read, write):
            yield Incoming(read, waiting, self._note_junk, self._note_end), Outgoing(write, waiting)

    def _note_end(self) -> None:
        self.ended = True

    def _note_junk(self, text: str) -> None:
        if not isinstance(self._transport, ProcessTransport):
            return
        line = self._redactor.redact(text.strip())
        if line and not self.junk:
            log.warning(
                "tools: the MCP server `%s` writes lines to stdout that are not MCP messages; left out: %.100r",
                self._transport.name,
                line,
            )
        self.junk = [*self.junk[-3:], line[:200]]


class _Stream:
    """A stream of the client that passes on to another one."""

    def __init__(self, inner: Any, waiting: dict[RequestKey, str]) -> None:
        self._inner = inner
        self._waiting = waiting
        """The methods of the requests without an answer, by their ids."""

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Outgoing(_Stream):
    """The messages to a server; remembers which requests wait for an answer."""

    async def send(self, item: Any) -> None:
        """Sends a message."""
        message = item.message
        key, method = getattr(message, "id", None), getattr(message, "method", None)
        if key is not None and method is not None:
            self._waiting[key] = method
        await self._inner.send(item)


class Incoming(_Stream):
    """The messages of a server: broken ones as far as they can be read, and nothing that is not a message."""

    def __init__(
        self,
        inner: Any,
        waiting: dict[RequestKey, str],
        note_junk: Callable[[str], None],
        note_end: Callable[[], None],
    ) -> None:
        super().__init__(inner, waiting)
        self._note_junk = note_junk
        self._note_end = note_end
        self._read: deque[Any] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        from mcp.shared.message import SessionMessage

        while not self._read:
            try:
                item = await self._inner.__anext__()
            except BaseException:
                self._note_end()
                raise
            if isinstance(item, Exception):
                messages = self._find_messages(item)
                self._read.extend(SessionMessage(self._repair(message)) for message in messages)
            else:
                item.message = self._repair(item.message)
                self._read.append(item)
        return self._read.popleft()

    async def receive(self) -> Any:
        """The next message. Raises `EndOfStream` after the last one."""
        import anyio

        try:
            return await self.__anext__()
        except StopAsyncIteration:
            raise anyio.EndOfStream from None

    def _find_messages(self, error: Exception) -> Sequence[Any]:
        unread = find_unreadable(error)
        messages = find_messages(unread, self._waiting)
        if not messages:
            self._note_junk(unread if isinstance(unread, str) else str(unread))
        return messages

    def _repair(self, message: Any) -> Any:
        """The message with its result in MCP's form."""
        if getattr(message, "method", None) is not None:
            return message
        key = find_answered_request(message.id, self._waiting)
        if key is None:
            return message
        message.id = key
        repair = REPAIRS.get(self._waiting.pop(key))
        if repair is not None and hasattr(message, "result"):
            message.result = repair(message.result)
        return message


def find_unreadable(error: Exception) -> Json:
    """The input that the client could not read: a line, or the parsed value of one that is not a message."""
    faults = error.errors() if isinstance(error, ValidationError) else []
    whole = (fault["input"] for fault in faults if len(fault["loc"]) <= 1 or fault["type"] == "missing")
    return next(whole, str(error))
