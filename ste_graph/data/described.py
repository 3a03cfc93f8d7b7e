"""The tools of a test, as a model is offered them: from a file of descriptions, or from a run that explored them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError

Pool: TypeAlias = dict[str, dict[str, Json]]
"""Tools by name, each with `name`, `description`, `parameters`; without the latter where nobody has described them."""


def described(place: Path, *, plain: bool = False) -> tuple[Pool, Mapping[str, str]]:
    """The tools, and per name by which a test may call one the name that stands in the pool.

    With `plain`, tools of a file in ToolBench's format have the names under which `use: toolbench` offers them.

    Raises `WorkflowError` where it is neither such a file nor a run that had tools.
    """
    if place.is_dir():
        pool = _of_run(place)
        return pool, {name: name for name in pool}
    from ste_graph.tools.toolbench.source import descriptions

    found = descriptions(place)
    names = {one.original: one.name if plain else one.original for one in found}
    pool = {
        names[one.original]: {
            "name": names[one.original],
            "description": one.text,
            "parameters": dict(one.parameters),
        }
        for one in found
    }
    return pool, {**{one.name: names[one.original] for one in found}, **names}


def _of_run(path: Path) -> Pool:
    from ste_graph.finished import open_run

    lock = open_run(path).lock
    schemas: Mapping[str, Json] = lock.get("schemas") or {}
    if not schemas:
        raise WorkflowError(f"{path}: this run had no tools; name a run that explored them, or a file of descriptions")
    about, prints = lock.get("descriptions") or {}, lock.get("tools") or {}
    return {
        name: {
            "name": name,
            "description": about.get(name, ""),
            "parameters": schema,
            "fingerprint": prints.get(name),
        }
        for name, schema in schemas.items()
    }
