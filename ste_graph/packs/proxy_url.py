"""A proxy before a server of MCP at a URL: the official client's transport, with the bytes of messages kept.

The transport reads and writes messages as objects, which would change numbers, escapes and half an emoji. So what it
carries is an envelope: the message's id and method, and a number by which its bytes are put back on the other side.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import IO, Any

import httpx2
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import ClientMessageMetadata, SessionMessage
from mcp.types import CONNECTION_CLOSED, jsonrpc_message_adapter

from ste_graph.contracts import Json
from ste_graph.errors import RunError
from ste_graph.json_spans import elements, first_value
from ste_graph.packs.overlay import Overlay
from ste_graph.packs.request_headers import RequestHeaders
from ste_graph.tools.mcp.http import CONNECT_S, LARGEST_EVENT
from ste_graph.tools.mcp.lenient import CODING, EVENTS, JSON
from ste_graph.tools.text import media_type

KEPT = "ste_graph/kept"
"""The key of an envelope for the number of the bytes that it stands for."""
UNREADABLE = json.dumps(
    {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "this line is not a message of JSON-RPC"}}
).encode()
ANSWER_S = 1.0
"""Seconds that answers under way have once the client sends no more."""
LOOK_S = 0.01
_KEPT = re.compile(rb'"ste_graph/kept": ?(\d+)')


@dataclass
class Envelopes:
    """The bytes of messages under way, by number."""

    _bytes: dict[int, bytes] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=count)

    def wrap(self, message: Mapping[str, Json], line: bytes) -> dict[str, Json]:
        """The envelope of a message."""
        number = next(self._numbers)
        self._bytes[number] = line.replace(b"\r", b" ").replace(b"\n", b" ")  # in JSON these can only be blanks
        envelope = {"jsonrpc": "2.0"} | {key: message[key] for key in ("id", "method") if key in message}
        if "method" in message:
            params = message.get("params")
            request = params.get("requestId") if isinstance(params, Mapping) else None
            return {**envelope, "params": {KEPT: number} | ({} if request is None else {"requestId": request})}
        if "error" in message:
            return {**envelope, "error": {"code": 0, "message": "", "data": {KEPT: number}}}
        return {**envelope, "result": {KEPT: number}}

    def unwrap(self, message: Mapping[str, Any]) -> bytes:
        """The bytes that an envelope stands for; any other message, such as an error of the transport, as JSON."""
        error = message.get("error")
        holder = message.get("params") or message.get("result") or (error.get("data") if error else None)
        number = holder.get(KEPT) if isinstance(holder, Mapping) else None
        return json.dumps(message).encode() if number is None else self._bytes.pop(number)

    def find(self, content: bytes) -> tuple[int | None, bytes]:
        """The number in the content of a request of HTTP, and the bytes to send instead."""
        found = _KEPT.search(content)
        return (int(found[1]), self._bytes[int(found[1])]) if found else (None, content)

    def drop(self, number: int | None) -> None:
        """Forgets a message that was sent."""
        if number is not None:
            self._bytes.pop(number, None)


class VerbatimClient(httpx2.AsyncClient):
    """An HTTP client that puts the bytes of messages in the place of their envelopes, and the other way round."""

    def __init__(self, envelopes: Envelopes, **settings: Any) -> None:
        super().__init__(**settings)
        self._envelopes = envelopes

    async def send(self, request: httpx2.Request, **settings: Any) -> httpx2.Response:
        number, content = None, b""
        if request.method == "POST":
            headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"content-length"]
            number, content = self._envelopes.find(await request.aread())
            request = httpx2.Request(
                request.method, request.url, headers=headers, content=content, extensions=request.extensions
            )
        try:
            response = await super().send(request, **settings)
        except httpx2.TransportError as error:
            if request.method != "POST":
                raise
            return refuse(request, content, error)
        if not 300 <= response.status_code < 400:  # a redirect is followed with the same envelope
            self._envelopes.drop(number)
        if not settings.get("stream") or media_type(response.headers) not in (JSON, EVENTS):
            return response
        kept = [(name, value) for name, value in response.headers.raw if name.lower().decode("latin-1") not in CODING]
        stream = EnvelopedBody(response, self._envelopes)
        return httpx2.Response(response.status_code, headers=kept, stream=stream, request=response.request)


def refuse(request: httpx2.Request, content: bytes, error: Exception) -> httpx2.Response:
    """The response to a message that did not reach its server: an error of JSON-RPC, if an answer is waited for."""
    message = json.loads(content.decode("utf-8", "surrogateescape"), strict=False)
    if "method" not in message or "id" not in message:
        return httpx2.Response(202, request=request)
    fault = {"code": CONNECTION_CLOSED, "message": f"ste pack serve: the server cannot be reached: {error}"}
    return httpx2.Response(200, json={"jsonrpc": "2.0", "id": message["id"], "error": fault}, request=request)


class EnvelopedBody(httpx2.AsyncByteStream):
    """The body of a response, with an envelope for each message in it."""

    def __init__(self, response: httpx2.Response, envelopes: Envelopes) -> None:
        self._response = response
        self._envelopes = envelopes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if media_type(self._response.headers) == JSON:
            yield self._wrap(await self._response.aread())
            return
        data: list[bytes] = []
        rest = b""
        async for chunk in self._response.aiter_bytes():
            *lines, rest = (rest + chunk).split(b"\n")
            passed = list[bytes]()
            for line in lines:
                line = line.removesuffix(b"\r")
                if line.startswith(b"data:"):
                    data.append(line[5:].removeprefix(b" "))
                    continue
                if not line and data:
                    passed.append(b"data: " + self._wrap(b"\n".join(data)))
                    data = []
                passed.append(line)
            if passed:
                yield b"\n".join([*passed, b""])

    async def aclose(self) -> None:
        await self._response.aclose()

    def _wrap(self, content: bytes) -> bytes:
        """The envelope of a message; anything else, or an answer that does not say to what, stays as it is."""
        with suppress(ValueError, RecursionError):
            message = json.loads(content.decode("utf-8", "surrogateescape"), strict=False)
            if isinstance(message, dict) and ("method" in message or message.get("id") is not None):
                return json.dumps(self._envelopes.wrap(message, content)).encode()
        return content


def serve_url(url: str, headers: Mapping[str, str], overlay: Overlay, reading: IO[bytes], writing: IO[bytes]) -> None:
    """Stands between a client, on two streams, and the server at a URL, until the client ends.

    Raises `RunError` if the connection is lost for good.
    """

    async def serve() -> None:
        envelopes = Envelopes()
        timeout = httpx2.Timeout(CONNECT_S, read=None)
        async with (
            VerbatimClient(envelopes, headers=dict(headers), timeout=timeout) as client,
            streamable_http_client(url, http_client=client, max_sse_event_size=LARGEST_EVENT) as (incoming, outgoing),
        ):
            await _Relay(overlay, envelopes, reading, writing).run(incoming, outgoing)

    asyncio.run(serve())


class _Relay:
    """The messages of one client, to a server and back."""

    def __init__(self, overlay: Overlay, envelopes: Envelopes, reading: IO[bytes], writing: IO[bytes]) -> None:
        self._overlay = overlay
        self._envelopes = envelopes
        self._reading = reading
        self._writing = writing
        self._headers = RequestHeaders()
        self._waiting: set[str] = set()
        """The ids of requests without an answer."""

    async def run(self, incoming: Any, outgoing: Any) -> None:
        """Relays until the client ends, and the answers under way are there. Raises `RunError`."""
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[bytes] = asyncio.Queue()
        threading.Thread(target=self._read_lines, args=(loop, lines), daemon=True).start()
        sending, receiving = (
            asyncio.create_task(self._send(lines, outgoing)),
            asyncio.create_task(self._receive(incoming)),
        )
        done, _ = await asyncio.wait([sending, receiving], return_when=asyncio.FIRST_COMPLETED)
        end = loop.time() + ANSWER_S
        while sending in done and self._waiting and not receiving.done() and loop.time() < end:
            await asyncio.sleep(LOOK_S)
        for task in (sending, receiving):
            task.cancel()
        await asyncio.wait([sending, receiving])
        errors = [task.exception() for task in (sending, receiving) if not task.cancelled()]
        if any(isinstance(error, BrokenPipeError) for error in errors):  # the client does not read any more
            return
        if sending not in done or any(errors):
            why = next((f": {error}" for error in errors if error), "")
            raise RunError(f"ste pack serve: the connection to the server was lost{why}")

    def _read_lines(self, loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[bytes]) -> None:
        with suppress(OSError, RuntimeError):  # the loop may be closed by then
            while line := self._reading.readline():
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, b"")

    async def _send(self, lines: asyncio.Queue[bytes], outgoing: Any) -> None:
        while line := await lines.get():
            self._overlay.note_request(line)
            for message, text in split_messages(line):
                if message is None:
                    self._write(UNREADABLE)
                    continue
                if "method" in message and "id" in message:
                    self._waiting.add(str(message["id"]))
                metadata = ClientMessageMetadata(headers=self._headers.headers_of(message))
                envelope = jsonrpc_message_adapter.validate_python(self._envelopes.wrap(message, text), by_name=False)
                await outgoing.send(SessionMessage(envelope, metadata))

    async def _receive(self, incoming: Any) -> None:
        async for item in incoming:
            if isinstance(item, Exception):  # what is no message, of which nobody waits for an answer
                continue
            message = item.message.model_dump(by_alias=True, mode="json", exclude_unset=True)
            if "method" not in message:
                self._waiting.discard(str(message.get("id")))
            self._write(self._envelopes.unwrap(message))

    def _write(self, line: bytes) -> None:
        self._headers.note_answer(line)
        self._writing.write(self._overlay.rewrite(line) + b"\n")
        self._writing.flush()


def split_messages(line: bytes) -> list[tuple[dict[str, Any] | None, bytes]]:
    """The messages of a line, each with its bytes: several of a batch; None for anything that is not a message."""
    text = line.decode("utf-8", "surrogateescape").strip()
    if not text:
        return []
    try:
        start = first_value(text)
        parts = [text[span.start : span.end] for span in elements(text, start)] or [text]
        values = [json.loads(part) for part in parts]
    except (ValueError, RecursionError):
        return [(None, line)]
    return [
        (value if _is_message(value) else None, part.encode("utf-8", "surrogateescape"))
        for value, part in zip(values, parts, strict=True)
    ]


def _is_message(value: Json) -> bool:
    """True if the transport can carry a message by its id and method."""
    if not isinstance(value, dict):
        return False
    id, method = value.get("id"), value.get("method")
    asks = isinstance(method, str)
    return (asks and isinstance(id, str | int | None)) or (not asks and isinstance(id, str | int))
