"""Tools of MCP servers: `use: mcp`."""

from ste_graph.tools.mcp.source import MCPTools

__all__ = ["MCPTools"]
