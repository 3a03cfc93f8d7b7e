"""Finding what a `use:` names: entry points of installed packages, then the workflow's own plugins."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

Group = Literal["nodes", "memories", "models", "tools", "records", "data", "commands", "checks"]


@cache
def known(group: Group) -> Mapping[str, EntryPoint]:
    """The installed entry points of a group, by name. Nothing is imported."""
    return {point.name: point for point in entry_points(group=f"ste_graph.{group}")}


@cache
def load(group: Group, name: str) -> Any:
    """The class behind a name in a group. Raises `KeyError` if there is none, and whatever its import raises."""
    return known(group)[name].load()
