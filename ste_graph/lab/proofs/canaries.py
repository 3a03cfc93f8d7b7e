"""Canaries: phrases that occur nowhere else, so that wherever one is found, it is known what it came from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

Counters: TypeAlias = tuple[tuple[str, int | None], ...]
"""The loops around a step, outermost first, and the pass of each; None: not entered."""


@dataclass(frozen=True, slots=True)
class StepPlace:
    """A step of a run: its unit, its node, and the passes of the loops around it."""

    unit: str
    node: str
    counters: Counters
    outputs: frozenset[str]
    """The names of the node's outputs."""

    @property
    def loops(self) -> tuple[str, ...]:
        """The loops that have been entered."""
        return tuple(loop for loop, number in self.counters if number is not None)


@dataclass(slots=True)
class Canaries:
    """The canaries of one run, each with the step that it came from.

    A canary has three words: a placebo that permutes words does not let it through.
    """

    origins: dict[str, StepPlace] = field(default_factory=dict)
    first: int = 0
    """The number of the first one."""

    def make(self, place: StepPlace) -> str:
        """A new canary of a step."""
        number, letters = self.first + len(self.origins), ""
        for _ in range(4):
            number, rest = divmod(number, 26)
            letters += chr(ord("a") + rest)
        self.origins[letters] = place
        return f"qz{letters}a qz{letters}b qz{letters}c"

    def renew(self, text: str, place: StepPlace) -> None:
        """Let the canaries in a text that a step says once more come from that step."""
        self.origins.update(dict.fromkeys(self.find(text), place))

    def find(self, text: str) -> list[str]:
        """The canaries in a text, in the order in which they stand there first."""
        return [found for found in dict.fromkeys(_CANARY.findall(text)) if found in self.origins]


_CANARY = re.compile(r"\bqz([a-z]{4})a qz\1b qz\1c\b")
