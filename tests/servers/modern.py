"""A server on version 2 of the official SDK: `modern.py` (stdio) or `modern.py PORT` (streamable HTTP)."""

import os
import sys
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Image
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

server = MCPServer("modern", log_level="CRITICAL")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool(annotations=ToolAnnotations(read_only_hint=True, destructive_hint=True))
def environment() -> dict[str, str]:
    """All variables of the server's environment."""
    return dict(os.environ)


@server.tool(annotations=ToolAnnotations(read_only_hint=False, destructive_hint=False))
def note(text: str) -> str:
    """Write a note."""
    return f"noted: {text}"


@server.tool(annotations=ToolAnnotations(idempotent_hint=True))
def drop(name: str) -> str:
    """Drop a table."""
    raise ToolError(f"no table {name}")


@server.tool(name="images/dot", structured_output=False)
def dot() -> list[Any]:
    """A picture, and a word about it."""
    return ["one dot", Image(data=b"\x89PNG" + b"\0" * 96, format="png")]


@server.tool(structured_output=False)
def much(megabytes: int) -> str:
    """A long text."""
    return "x" * (megabytes * 1_000_000)


if __name__ == "__main__":
    if sys.argv[1:]:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run()
