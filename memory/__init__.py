"""Long-term and short-term memory, and exemplars for other people's prompts.

Public modules: `transcript` (short-term), `experience` (long-term), `values` (values that exist), `exemplars` (what
finished runs have learnt), `faces` (the ways to it from outside). `vectors` has the embeddings of all.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ste_graph.contracts import Selection
    from ste_graph.memory.exemplars.exemplar import Exemplar
    from ste_graph.memory.exemplars.selection import ExemplarMatch
    from ste_graph.memory.exemplars.store import ExemplarStore
    from ste_graph.memory.experience.settings import Experience
    from ste_graph.memory.transcript import Transcript

__all__ = ["Exemplar", "ExemplarMatch", "ExemplarStore", "Experience", "Selection", "Transcript"]

_HOMES = {
    "Exemplar": "ste_graph.memory.exemplars.exemplar",
    "ExemplarMatch": "ste_graph.memory.exemplars.selection",
    "ExemplarStore": "ste_graph.memory.exemplars.store",
    "Experience": "ste_graph.memory.experience.settings",
    "Selection": "ste_graph.contracts",
    "Transcript": "ste_graph.memory.transcript",
}


def __getattr__(name: str) -> Any:
    """Import on first use: checking a workflow needs no numerics, and the commands of memories no settings."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
