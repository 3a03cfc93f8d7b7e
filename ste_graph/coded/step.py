"""One step of a coded workflow: the run of one vertex, and where control goes after it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from langgraph.types import Command

from ste_graph.coded.unit import CodedContext
from ste_graph.compile.channels import items_channel, last_channel
from ste_graph.compile.stepper import EndReason, LoopEnd, StepKey
from ste_graph.compile.transfer import ControlError
from ste_graph.contracts import Json

Target: TypeAlias = "str | Callable[[Step], Target]"
"""The next target of control: a vertex, LangGraph's `END`, or a router that decides it."""


class Step:
    """The run of one vertex: `run` a node or `record`, then `goto` the next vertex.

    `state` is a copy of the graph's state, which the step and the routers after it change.
    """

    def __init__(self, unit: CodedContext, vertex: str, state: Mapping[str, Any], loops: Collection[str] = ()) -> None:
        self.state: dict[str, Any] = dict(state)
        self._before = state
        self._unit = unit.steps
        self._key = StepKey(vertex, tuple((loop, state[loop]) for loop in loops))
        self._ends: list[LoopEnd] = []

    @property
    def data(self) -> Mapping[str, list[Json]]:
        """The items of each entry of `data`."""
        return self._unit.data

    async def run(self, node: str, inputs: Mapping[str, Json] | None = None) -> None:
        """Run a node with these inputs; what it gives is in `state` afterwards."""
        self.state |= await self._unit.run_node(node, self._key, self.state, inputs or {})

    async def record(
        self, type_name: str, values: Mapping[str, Json], *, asked: Mapping[str, Collection[str]] | None = None
    ) -> None:
        """Make a record, for the journal and for every memory of its type.

        `asked` has, per value, the nodes whose models had a part in it.
        """
        self.state |= await self._unit.make_record(type_name, self._key, self.state, values, asked or {})

    def item(self, loop: str, *keys: str) -> Json:
        """The item of a `map` that has begun a pass, or what is below these keys of it; else None."""
        count = self.state[loop]
        return None if count is None else look_up(self.state[items_channel(loop)][count], *keys)

    def open(self, loop: str, items: Json) -> None:
        """Let a `map` that begins go over these items."""
        if not isinstance(items, list | tuple):
            raise ControlError(f"`over` of {loop} gave {items!r:.80}, not a list")
        if self.state[loop] is None:
            self.state[items_channel(loop)] = list(items)

    def passes(self, loop: str) -> int:
        """The number of passes that a loop has begun since it was entered."""
        count = self.state[loop]
        return 0 if count is None else count + 1

    def enter(self, loop: str, target: Target) -> Target:
        """Begin a pass of a loop, which empties what lives in it or in a loop inside it, and go on at `target`."""
        self.state[loop] = passes = self.passes(loop)
        if last_channel(loop) in self.state:
            self.state[last_channel(loop)] = passes
        self._empty(self._unit.forgotten(loop))
        return target

    def leave(self, loop: str, reason: EndReason, target: Target) -> Target:
        """End a loop, and go on at `target`."""
        self._ends.append(LoopEnd(loop, self.passes(loop), reason))
        self._empty([name for name in (loop, items_channel(loop)) if name in self.state])
        return target

    def follow(self, target: Target) -> str:
        """Ask routers until one names a vertex."""
        while not isinstance(target, str):
            target = target(self)
        if self._ends:
            self._unit.end_loops(self._key, self._ends)
        return target

    def goto(self, target: Target) -> Command[str]:
        """The change of the state, and the vertex that comes next."""
        vertex = self.follow(target)
        return Command(update=self.changes(), goto=vertex)

    def changes(self) -> dict[str, Any]:
        """The channels that have changed."""
        return {name: value for name, value in self.state.items() if value is not self._before[name]}

    def _empty(self, channels: Collection[str]) -> None:
        for name in channels:
            if self.state[name] != (initial := self._unit.channels[name].initial):
                self.state[name] = initial


def look_up(value: Json, *keys: str) -> Json:
    """The value below these keys of a value, or None if one is missing."""
    for key in keys:
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise ControlError(f"a {type(value).__name__} has no `{key}`")
        value = value.get(key)
    return value
