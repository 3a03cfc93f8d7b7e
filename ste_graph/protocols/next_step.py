"""The outcome of a reply: a call, an answer, or neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from ste_graph.protocols.repairs import Repair


@dataclass(frozen=True, slots=True)
class Action:
    """The model wants a tool called. `repairs` names what it needed to be read."""

    thought: str
    name: str
    arguments: dict[str, Any]
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True)
class FinalAnswer:
    """The model gives its final answer. `repairs` names what it needed to be read."""

    thought: str
    text: str
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True)
class Malformed:
    """Neither can be read. `problem` is one sentence that tells the model what was expected."""

    thought: str
    problem: str


NextStep: TypeAlias = Action | FinalAnswer | Malformed
