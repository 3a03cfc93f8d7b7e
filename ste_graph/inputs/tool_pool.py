"""The tools of a test, as a model is offered them: from a file of descriptions, or from a run that explored them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.finished import open_run
from ste_graph.tools.toolbench.source import read_tool_descriptions

ToolPool: TypeAlias = dict[str, dict[str, Json]]
"""Tools by name, each with `name`, `description`, `parameters`; without the latter if nobody has described them."""


def read_tool_pool(place: Path, *, plain: bool = False) -> tuple[ToolPool, Mapping[str, str]]:
    """Reads the tools, and for every name that a test may use the name in the pool.

    With `plain`, tools of a file in ToolBench's format have the names under which `use: toolbench` offers them.

    Raises `WorkflowError` if it is neither such a file nor a run that had tools.
    """
    if place.is_dir():
        pool = _read_run(place)
        return pool, {name: name for name in pool}

    found = read_tool_descriptions(place)
    names = {tool.original: tool.name if plain else tool.original for tool in found}
    pool = {
        names[tool.original]: {
            "name": names[tool.original],
            "description": tool.text,
            "parameters": dict(tool.parameters),
        }
        for tool in found
    }
    return pool, {**{tool.name: names[tool.original] for tool in found}, **names}


def _read_run(path: Path) -> ToolPool:
    lock = open_run(path).lock
    schemas: Mapping[str, Json] = lock.get("schemas") or {}
    if not schemas:
        raise WorkflowError(f"{path}: this run had no tools; name a run that explored them, or a file of descriptions")
    texts, fingerprints = lock.get("descriptions") or {}, lock.get("tools") or {}
    return {
        name: {
            "name": name,
            "description": texts.get(name, ""),
            "parameters": schema,
            "fingerprint": fingerprints.get(name),
        }
        for name, schema in schemas.items()
    }
