"""An MCP server over a store: exemplars and lessons for any agent that speaks MCP."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, cast

from pydantic import Field

from ste_graph.errors import SteError, WorkflowError
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.tools.mcp.messages import parse_first_json

if TYPE_CHECKING:
    from anyio import AsyncFile
    from mcp.server import MCPServer

MOST = 50
"""Exemplars in one answer at most."""

USUAL = 4
"""Exemplars in one answer unless the client or the test of a pack says otherwise."""

NOTHING = "Nothing is known for this."


def serve_memory(store: ExemplarStore) -> None:
    """Answer on stdin and stdout until the client goes. Raises `WorkflowError` where `mcp` is not installed."""
    for chatty in ("mcp", "sentence_transformers"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    asyncio.run(_serve(make_memory_server(store)))


async def _serve(server: MCPServer) -> None:
    import anyio
    from mcp.server.stdio import stdio_server

    lines = anyio.wrap_file(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="replace"))
    inner = server._lowlevel_server
    async with stdio_server(stdin=cast("AsyncFile[str]", _mend_lines(lines))) as (reading, writing):
        await inner.run(reading, writing, inner.create_initialization_options())


async def _mend_lines(lines: AsyncIterable[str]) -> AsyncIterator[str]:
    """The lines with U+FFFD for half an emoji: the package `mcp` would pass over such a request in silence."""
    async for line in lines:
        if "\\ud" in line.lower():
            with suppress(ValueError, RecursionError):
                line = json.dumps(parse_first_json(line))
        yield line


def make_memory_server(store: ExemplarStore) -> MCPServer:
    """The server with its two tools, not yet running."""
    try:
        from mcp.server import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
        from mcp.types import ToolAnnotations
    except ImportError as error:
        raise WorkflowError("an MCP server needs the package mcp: pip install 'ste-graph[mcp]'") from error

    server = MCPServer(
        "ste-memory",
        instructions="Before you call a tool, recall how calls of it served earlier requests, and what was learnt.",
    )
    usual = store.selection.k if store.pack is not None else USUAL
    reads = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

    @server.tool(annotations=reads, structured_output=False)
    async def recall_exemplars(
        query: Annotated[str, Field(description="The request that you want to serve, in words.")],
        k: Annotated[int, Field(description="How many at most.", ge=0, le=MOST)] = usual,
        tools: Annotated[
            list[str] | None, Field(description="The tools that you may call; exemplars name no others. Unset: any.")
        ] = None,
    ) -> str:
        """Earlier requests like this one, each with the calls that served it and what they gave; the nearest last."""
        try:
            return await store.arender(query, store.selection.model_copy(update={"k": k}), tools=tools) or NOTHING
        except SteError as error:
            raise ToolError(str(error)) from error

    @server.tool(annotations=reads, structured_output=False)
    async def recall_lessons(
        tool: Annotated[str, Field(description="The name of the tool that you want to call.")],
        k: Annotated[int, Field(description="How many at most.", ge=0, le=MOST)] = 3,
    ) -> str:
        """Lessons of a tool: how calls of it failed, and how they were repaired; the most useful first."""
        try:
            return "\n".join(await asyncio.to_thread(store.lessons, tool, k)) or NOTHING
        except SteError as error:
            raise ToolError(str(error)) from error

    return server
