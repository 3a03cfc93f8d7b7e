"""The HTTP client below the official MCP client: answers that break JSON or JSON-RPC are made readable."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx2

from ste_graph.tools.mcp.messages import RequestKey, find_messages
from ste_graph.tools.text import media_type

JSON, EVENTS = "application/json", "text/event-stream"
CODING = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers about the bytes on the wire, which are no longer true of a body that was decoded."""


class ReadableBody(httpx2.AsyncByteStream):
    """The body of a response, decoded and made readable."""

    def __init__(self, response: httpx2.Response, request: RequestKey) -> None:
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if media_type(self._response.headers) == JSON:
            text = await read_whole_body(self._response)
            yield (make_readable(text, self._request) or [text])[-1].encode("utf-8", "replace")
            return
        event: list[str] = []
        async for line in self._response.aiter_lines():
            event.append(line)
            if not line:
                yield rewrite_event(event, self._request).encode("utf-8", "replace")
                event = []
        if event:
            yield rewrite_event(event, self._request).encode("utf-8", "replace")

    async def aclose(self) -> None:
        await self._response.aclose()


class LenientClient(httpx2.AsyncClient):
    """Hands on each answer of MCP in a form that the official client can read."""

    async def send(self, request: httpx2.Request, **settings: Any) -> httpx2.Response:
        response = await super().send(request, **settings)
        key = read_request_id(request.content) if request.method == "POST" and settings.get("stream") else None
        if key is None or not response.is_success or media_type(response.headers) not in (JSON, EVENTS):
            return response
        kept = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in CODING]
        return httpx2.Response(
            response.status_code, headers=kept, stream=ReadableBody(response, key), request=response.request
        )


async def read_whole_body(response: httpx2.Response) -> str:
    """The whole body of a response, as UTF-8."""
    return (await response.aread()).decode("utf-8", "replace")


def rewrite_event(lines: list[str], request: RequestKey) -> str:
    """The lines of a server-sent event, whose data is made readable; several where it is a batch."""
    data = "\n".join(line[5:].removeprefix(" ") for line in lines if line.startswith("data:"))
    messages = make_readable(data, request) if data else []
    if not messages:
        return "".join(f"{line}\n" for line in lines)
    rest = "".join(f"{line}\n" for line in lines if line and not line.startswith("data:"))
    return "".join(f"{rest}data: {message}\n\n" for message in messages)


def make_readable(text: str, request: RequestKey) -> list[str]:
    """The messages of a text that the client cannot read, answers last; empty if it can, or without any messages."""
    from mcp.types import jsonrpc_message_adapter

    with suppress(ValueError):
        jsonrpc_message_adapter.validate_json(text, by_name=False)
        return []
    messages = find_messages(text, {request: ""})
    messages.sort(key=lambda message: not hasattr(message, "method"))
    return [message.model_dump_json(by_alias=True, exclude_unset=True) for message in messages]


def read_request_id(content: bytes) -> RequestKey | None:
    """The id of a JSON-RPC request; None if the content is not one."""
    with suppress(ValueError):
        message = json.loads(content)
        key = message.get("id") if isinstance(message, dict) and "method" in message else None
        return key if isinstance(key, str | int) else None
    return None
