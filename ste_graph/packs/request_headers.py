"""The headers of requests to an MCP server over HTTP, which repeat what the messages say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    NAME_BEARING_METHODS,
    encode_header_value,
    find_invalid_x_mcp_header,
    mcp_param_headers,
    x_mcp_header_map,
)
from mcp_types import PROTOCOL_VERSION_META_KEY

from ste_graph.packs.overlay import MALFORMED


class RequestHeaders:
    """The headers of requests, which repeat what the messages say: the version of MCP, method, name, parameters."""

    def __init__(self) -> None:
        self._version: str | None = None
        self._initialise: set[str] = set()
        self._listing: set[str] = set()
        self._parameters: dict[str, dict[tuple[str, ...], str]] = {}

    def headers_of(self, message: Mapping[str, Any]) -> dict[str, str]:
        """The headers of the request that carries a message."""
        method, given = message.get("method"), message.get("params")
        params: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        if method == "initialize":
            self._initialise.add(str(message.get("id")))
            return {}
        if method == "tools/list":
            self._listing.add(str(message.get("id")))
        meta = params.get("_meta")
        modern = meta.get(PROTOCOL_VERSION_META_KEY) if isinstance(meta, Mapping) else None
        if not isinstance(modern, str):
            return {MCP_PROTOCOL_VERSION_HEADER: self._version} if self._version else {}
        found = {MCP_PROTOCOL_VERSION_HEADER: modern, MCP_METHOD_HEADER: str(method)}
        name = params.get(NAME_BEARING_METHODS.get(str(method), ""))
        if isinstance(name, str):
            found[MCP_NAME_HEADER] = encode_header_value(name)
        if method == "tools/call" and isinstance(name, str) and name in self._parameters:
            with suppress(*MALFORMED):
                found |= mcp_param_headers(self._parameters[name], params.get("arguments") or {})
        return found

    def note_answer(self, line: bytes) -> None:
        """Takes note of the version that a server chose, and of parameters of tools that headers have to repeat."""
        if not self._initialise and not self._listing:
            return
        with suppress(*MALFORMED):
            message = json.loads(line.decode("utf-8", "surrogateescape"))
            key, result = str(message.get("id")), message.get("result") or {}
            if key in self._initialise:
                self._initialise.discard(key)
                version = result.get("protocolVersion")
                self._version = version if isinstance(version, str) else None
            elif key in self._listing:
                self._listing.discard(key)
                for tool in result.get("tools") or ():
                    schema = tool.get("inputSchema")
                    if not find_invalid_x_mcp_header(schema) and (named := x_mcp_header_map(schema)):
                        self._parameters[tool["name"]] = named
