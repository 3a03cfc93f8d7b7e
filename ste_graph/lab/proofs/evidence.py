"""The observations of one arm: the memories that were used, their effects, and the canaries that arrived."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["transcript", "prompt", "node"]
"""The way in which a node uses a memory: as the conversation, in a prompt, or by reading it itself."""

TRIES: Final = 12
"""So many times at most it is tried whether one field of a memory arrives in the prompts of a node."""


@dataclass(slots=True)
class Wire:
    """One memory as one node used it at one place: how often, and how often something was in it, and arrived."""

    uses: int = 0
    due: int = 0
    """The times that it was used after the unit had put something into it, forgotten or not."""
    ignored: int = 0
    """The times that a node ran after the unit had put something into it, and did not read it."""
    filled: int = 0
    arrived: int = 0
    fields: dict[str, int] = field(default_factory=dict)
    """The fields that arrived in a prompt; of those that did not, how often it was tried, as a negative number."""
    carried: set[str] = field(default_factory=set)
    """The outputs in which a node that reads the memory itself passes on what is in it."""


@dataclass(slots=True)
class Arrival:
    """Canaries of one node that arrived from one distance: by which ways, each with the node whose prompt it was."""

    ways: dict[str, str] = field(default_factory=dict)
    passed_on: dict[str, str] = field(default_factory=dict)
    """The ways that are outputs of a node which is not their origin."""


@dataclass(slots=True)
class ArmEvidence:
    """All that was seen of one arm."""

    wires: dict[tuple[Kind, str, str, tuple[str, ...]], Wire] = field(default_factory=lambda: defaultdict(Wire))
    """By kind, memory, node, and the loops around the place."""
    outputs: dict[tuple[str, str, str], Wire] = field(default_factory=lambda: defaultdict(Wire))
    """The values that prompts read of nodes that read a memory: by node, output, and the node whose prompt it is."""
    arrivals: dict[tuple[str, str], Arrival] = field(default_factory=lambda: defaultdict(Arrival))
    """By the node that a canary came from, and the loop of which another pass had made it (or `unit`)."""
    remembered: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """The records that each memory was given."""
    outlived: dict[str, str] = field(default_factory=dict)
    """Memories that showed records of another pass than they live in, each with the node that saw it."""
    prompts: int = 0
    problems: list[str] = field(default_factory=list)
    """The reasons that something could not be seen."""
