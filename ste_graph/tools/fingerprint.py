"""A tool's definition as plain data, and the short hash that tells two definitions apart."""

from __future__ import annotations

from ste_graph.contracts import Json, Tool
from ste_graph.json_values import digest

LENGTH = 16


def fingerprint(tool: Tool) -> str:
    """Sixteen hex digits of the SHA-256 of the definition; the order of keys in its schema does not count."""
    return digest(definition(tool), length=LENGTH)


def describe_tool(tool: Tool) -> dict[str, Json]:
    """The tool as units, prompts and records have it: its definition and its fingerprint."""
    return {**definition(tool), "fingerprint": fingerprint(tool)}


def definition(tool: Tool) -> dict[str, Json]:
    """The part of a tool that a model and a policy see."""
    return {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
        "effect": tool.effect,
    }
