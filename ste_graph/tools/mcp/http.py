"""The way to an MCP server at a URL: streamable HTTP, with answers read as far as they can be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx2

LARGEST_EVENT = 64 * 1024 * 1024
CONNECT_S, READ_S = 30.0, 300.0
LOOK_S = 3.0
"""Seconds to find out what else is spoken by a server that is not an MCP server of streamable HTTP."""
EVENTS = "text/event-stream"
SSE_ONLY = (
    "It speaks the old transport of MCP, HTTP with SSE (version 2024-11-05), and not streamable HTTP. Ask for its "
    "address of streamable HTTP, often one that ends in /mcp, or start a bridge such as `mcp-proxy` by `command`"
)


@dataclass
class HTTPTransport:
    """A server at a URL (streamable HTTP). Redirects to other hosts are not followed."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    _refused: list[str] = field(default_factory=list, repr=False)

    @property
    def name(self) -> str:
        return urlsplit(self.url).netloc.rpartition("@")[2] or "the URL"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Any, Any]]:
        from mcp.client.streamable_http import streamable_http_client

        self._refused.clear()
        async with (
            self._client() as client,
            streamable_http_client(self.url, http_client=client, max_sse_event_size=LARGEST_EVENT) as streams,
        ):
            yield streams

    def recent_output(self) -> list[str]:
        return list(self._refused)

    async def diagnose(self) -> list[str]:
        """Tells a server apart that speaks only the older transport: a GET of it opens with an event `endpoint`."""
        import httpx2

        if not self._refused:
            return []
        with suppress(httpx2.HTTPError, TimeoutError):
            async with (
                asyncio.timeout(LOOK_S),
                self._client() as client,
                client.stream("GET", self.url, headers={"accept": EVENTS}) as response,
            ):
                if response.headers.get("content-type", "").startswith(EVENTS):
                    async for event in httpx2.EventSource(response, max_event_size=4096):
                        return [SSE_ONLY] if event.event == "endpoint" else []
        return []

    def _client(self) -> httpx2.AsyncClient:
        import httpx2

        from ste_graph.tools.mcp.lenient import LenientClient

        async def remember(response: httpx2.Response) -> None:
            if response.status_code >= 400:
                self._refused[:] = [f"HTTP {response.status_code} {response.reason_phrase}"]

        return LenientClient(
            headers=dict(self.headers),
            timeout=httpx2.Timeout(CONNECT_S, read=READ_S),
            event_hooks={"response": [remember]},
        )
