"""Python functions and LangChain tools as tools: `use: python`."""

from ste_graph.tools.python.source import PythonTools

__all__ = ["PythonTools"]
