"""The registry: the classes and functions that installed packages offer by entry points."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

Group = Literal["nodes", "memories", "models", "tools", "records", "data", "commands", "checks", "reports", "observers"]


@cache
def find_entry_points(group: Group) -> Mapping[str, EntryPoint]:
    """The installed entry points of a group, by name. Nothing is imported."""
    return {point.name: point for point in _all_entry_points().select(group=f"ste_graph.{group}")}


@cache
def load_entry_point(group: Group, name: str) -> Any:
    """The object that an entry point names. Raises `KeyError` for an unknown name, and whatever its import raises."""
    return find_entry_points(group)[name].load()


@cache
def _all_entry_points() -> Any:
    return entry_points()  # once for all groups: it reads the metadata of every installed package
