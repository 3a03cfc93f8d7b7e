"""Compilation: a checked workflow to one flat LangGraph state graph."""
