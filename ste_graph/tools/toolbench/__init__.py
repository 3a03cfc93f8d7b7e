"""Tools that are described in the format of ToolBench: `use: toolbench`."""

from ste_graph.tools.toolbench.source import ToolBenchTools

__all__ = ["ToolBenchTools"]
