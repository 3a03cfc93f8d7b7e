"""The parts of a coded workflow besides its graph: memories, loops, joins, and the makings of its nodes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ste_graph.contracts import ModelRequest, Reply
from ste_graph.errors import WorkflowError
from ste_graph.language.sections.plugins import import_file
from ste_graph.run.memories import NoMemoryView

OFF: Final = NoMemoryView()
"""The view of a memory that is off: it reads as empty."""

load_plugin: Final = import_file
"""Imports a Python file of your own, as `plugins:` does."""

Models: TypeAlias = Mapping[str, Any]
"""The models of a run, by name, as nodes take them."""

Memories: TypeAlias = Mapping[str, Any]
"""The memories of a run, by name, as nodes take them."""


def environment(name: str, default: str | None = None) -> str:
    """The value of an environment variable; an empty one counts as not set. Raises `WorkflowError` if it is missing."""
    value = os.environ.get(name) or default
    if value is None:
        raise WorkflowError(f"the environment variable `{name}` is not set; run `export {name}=…` first")
    return value


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory: its settings, the type of its records, and the loop (or the unit) in which it remembers."""

    settings: Any
    lives: str
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop of the graph: the loops around it, outermost first, whether it goes over items, and what lives in it.

    A new pass forgets what lives in it or in a loop inside: nodes with all their outputs, transcripts, other channels.
    """

    around: tuple[str, ...] = ()
    over_items: bool = False
    forgets: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RecordJoin:
    """The outputs of `first` as a list, each joined with the next outputs of `second`, for the record `record`."""

    record: str
    first: str
    second: str | None = None


class NamedModel:
    """A substitute for a model that shows which node asks which model."""

    def __init__(self, name: str) -> None:
        self.label = name

    async def reply(self, request: ModelRequest) -> Reply:
        """Is never asked."""
        raise NotImplementedError(self.label)


class NamedView(NoMemoryView):
    """A substitute for a memory that shows which node reads which memory."""

    def __init__(self, name: str) -> None:
        self.name = name
