"""The contract of the object that runs the compiled graph: it is asked for one finished step at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol

from ste_graph.contracts import Json

if TYPE_CHECKING:
    from ste_graph.compile.flow import Vertex

EndReason = Literal["times", "while", "until", "at_most", "items"]
"""The reason why a loop ended: its `times` or `items` are done, its condition said so, or `at_most` cut it off."""


@dataclass(frozen=True)
class StepKey:
    """The key of a step: unique within its unit, and the same however often the run is taken up again.

    `counters` belong to the loops around any occurrence of the vertex, outermost first; None: not entered.
    """

    vertex: str
    counters: tuple[tuple[str, int | None], ...] = ()

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        return " ".join([self.vertex, *(f"{loop}={'-' if n is None else n}" for loop, n in self.counters)])


@dataclass(frozen=True, slots=True)
class LoopEnd:
    """One loop that ended, after so many passes."""

    loop: str
    passes: int
    reason: EndReason


@dataclass(frozen=True, slots=True)
class Wave:
    """Passes of a loop that run side by side, from `first` up to `stop`; `around`: the counters of loops around it."""

    loop: str
    first: int
    stop: int
    around: tuple[tuple[str, int], ...] = ()

    @property
    def passes(self) -> range:
        """The numbers of its passes."""
        return range(self.first, self.stop)


class Stepper(Protocol):
    """Runs the vertices of one unit, or replays what a log says of them."""

    async def step(self, vertex: Vertex, key: StepKey, state: Mapping[str, Json]) -> Mapping[str, Json]:
        """Run the vertex and return its channel updates: every output of its node, and nothing that it may not write.

        `state` and everything in it must not be changed. What is raised here ends the unit and reaches the caller.
        """

    def end_loops(self, key: StepKey, ends: Sequence[LoopEnd]) -> None:
        """Take note of loops that ended right after this step, innermost first; called only if there are any."""

    def run_wave(self, wave: Wave) -> AbstractAsyncContextManager[WaveStepper]:
        """Begin a wave; it ends with the context, for good unless that is left by an exception."""


class WaveStepper(Protocol):
    """Gives the passes of a wave their steppers: none sees what another does."""

    def begin_pass(self, number: int) -> Stepper:
        """The stepper of one pass."""

    async def end_pass(self, number: int) -> None:
        """Take note of a pass that has come to its end."""
