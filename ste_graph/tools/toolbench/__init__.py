"""Tools that are described in the format of ToolBench: `use: toolbench`.

Public modules: `description` (the format), `source` (the tools).
"""

from ste_graph.tools.toolbench.source import ToolBenchTools

__all__ = ["ToolBenchTools"]
