"""Long-term and short-term memory, and exemplars for other people's prompts."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ste_graph.contracts import Selection

from .experience import Experience
from .transcript import Transcript

if TYPE_CHECKING:
    from .exemplar import Exemplar
    from .exemplars import ExemplarStore
    from .selection import Found

__all__ = ["Exemplar", "ExemplarStore", "Experience", "Found", "Selection", "Transcript"]

_LATER = {"Exemplar": "exemplar", "ExemplarStore": "exemplars", "Found": "selection"}
"""Imported when they are asked for: checking a workflow needs no numerics."""


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
