"""Tools of MCP servers: `use: mcp`.

Public modules: `http` and `lenient` (the way to a server at a URL), `messages` and `repair` (what servers send, read as
far as it can be).
"""

from ste_graph.tools.mcp.source import MCPTools

__all__ = ["MCPTools"]
