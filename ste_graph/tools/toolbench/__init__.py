"""Tools that are described in the format of ToolBench: `use: toolbench`.

Public modules: `description` (the format), `source` (the tools).
"""
