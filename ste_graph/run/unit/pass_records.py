"""The records of passes that run side by side: each sees its own alone, until its wave has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ste_graph.compile.stepper import Wave
from ste_graph.contracts import Entry, Scope
from ste_graph.records import Record
from ste_graph.run.logs.logged_step import LoggedStep

if TYPE_CHECKING:
    from ste_graph.run.logs.steps import StepWriter


class PassRecords:
    """The records of one pass. `outer` has those of the pass around its loop, if that runs alongside others too."""

    def __init__(self, types: Mapping[str, type[Record]], outer: PassRecords | None) -> None:
        self._types = types
        self._outer = outer
        self._entries: list[tuple[str, Entry]] = []
        self.keys: list[str] = []
        """The keys of their steps, in order."""

    def add(self, step: LoggedStep) -> None:
        """Add the record of a finished step."""
        self.keys.append(step.key)
        self._entries += step.memory_entries(self._types)

    def take_over(self, inner: PassRecords) -> None:
        """Add the records of a pass of a loop inside this pass, which is done."""
        self.keys += inner.keys
        self._entries += inner._entries

    def own_entries(self, memory: str, scope: Scope) -> list[Entry]:
        """The entries that the pass alone sees in a scope of a memory, in order."""
        outer = self._outer.own_entries(memory, scope) if self._outer is not None else []
        return [*outer, *(entry for name, entry in self._entries if name == memory and entry.scope == scope)]


class WaveRecords:
    """The records of a wave: in the journal they follow one another by passes, and memories get them at its end.

    Within a pass that runs alongside others, they go over to that pass instead.
    """

    def __init__(
        self,
        wave: Wave,
        unit: str,
        writer: StepWriter,
        types: Mapping[str, type[Record]],
        outer: PassRecords | None,
    ) -> None:
        self._unit = unit
        self._writer = writer
        self._types = types
        self._outer = outer
        self._left = list(wave.passes)
        self._passes: dict[int, PassRecords] = {}
        self._done: set[int] = set()

    def begin_pass(self, number: int) -> PassRecords:
        """The records of a pass that begins."""
        self._passes[number] = PassRecords(self._types, self._outer)
        return self._passes[number]

    async def end_pass(self, number: int) -> None:
        """Take note of a pass that is done. Its records are written as soon as all passes before it are done."""
        self._done.add(number)
        while self._left and self._left[0] in self._done:
            await self._enter(self._left.pop(0))

    async def end(self) -> None:
        """Let everybody see the records, now that all passes are done."""
        for records in (self._passes[number] for number in sorted(self._passes)):
            if self._outer is not None:
                self._outer.take_over(records)
            else:
                await self._writer.remember(self._unit, records.keys)

    async def give_up(self) -> None:
        """Write the records that there are, as the unit comes to no end; the next one goes on from there."""
        for number in self._left:
            if number in self._passes:
                await self._enter(number)
        if self._outer is not None:
            for number in sorted(self._passes):
                self._outer.take_over(self._passes[number])

    async def _enter(self, number: int) -> None:
        if self._outer is None:
            await self._writer.enter(self._unit, self._passes[number].keys)
