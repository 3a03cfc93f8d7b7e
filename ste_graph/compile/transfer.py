"""Control: from one finished step to the next vertex. Heads and branches are followed here, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ste_graph.compile.channels import items_channel, last_channel
from ste_graph.compile.flow import AtBranch, AtEnd, AtHead, AtVertex, Flow, Head, Target, Vertex
from ste_graph.compile.lookup import state_lookup
from ste_graph.compile.stepper import EndReason, LoopEnd
from ste_graph.contracts import Json
from ste_graph.diagnostics import Span
from ste_graph.errors import SteError
from ste_graph.language.blocks import Map, NodeBlock, Repeat
from ste_graph.language.expressions.expression import Expression, ExpressionError


class ControlError(SteError):
    """A condition, or what a `map` goes over, has no legal value: the unit fails, the others go on."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """The next vertex (`goto`; None: the unit is done), the change of the state, and the loops that ended."""

    goto: str | None
    update: Mapping[str, Json]
    loop_ends: tuple[LoopEnd, ...]
    waves: str | None = None
    """The loop that comes next, where its passes run side by side; `goto` is None then."""


class Router:
    """The way from one vertex of a unit to the next: the state as it changes, and the loops that end.

    A loop's counter is None before it is entered and again after it ended; a new pass empties what lives in it. With
    `in_waves`, a loop whose passes run side by side is not entered here, but comes next as a whole, and a pass of it
    ends where it would begin another. Without, its passes follow one another.

    The class methods are pure: the `state` that they are given stays as it is.
    """

    def __init__(self, flow: Flow, state: Mapping[str, Json], *, in_waves: bool) -> None:
        self._flow = flow
        self._state = dict(state)
        self._in_waves = in_waves
        self._update: dict[str, Json] = {}
        self._loop_ends: list[LoopEnd] = []

    @classmethod
    def transfer(cls, flow: Flow, target: Target, state: Mapping[str, Json], *, in_waves: bool = False) -> Transfer:
        """Follow heads and branches from `target` to the next vertex. Raises `ControlError`."""
        return cls(flow, state, in_waves=in_waves)._follow(target)

    @classmethod
    def advance(
        cls,
        flow: Flow,
        vertex: Vertex,
        state: Mapping[str, Json],
        given: Mapping[str, Json],
        *,
        in_waves: bool = False,
    ) -> Transfer:
        """The transfer after a step of a vertex that has `given` these values to its channels."""
        router = cls(flow, state, in_waves=in_waves)
        router._change(given)
        if isinstance(vertex.block, NodeBlock):
            router._change(flow.joins.gather(vertex.block.node, state, given))
        return router._follow(vertex.then)

    @classmethod
    def begin_pass(cls, flow: Flow, loop: str, state: Mapping[str, Json], number: int) -> Transfer:
        """The transfer into one pass of a loop whose passes run side by side; nothing comes next if it is empty."""
        router = cls(flow, state, in_waves=True)
        router._begin_pass(flow.heads[loop], number)
        return router._follow(flow.heads[loop].enter)

    @classmethod
    def leave_loop(cls, flow: Flow, state: Mapping[str, Json], end: LoopEnd) -> Transfer:
        """The transfer out of a loop whose passes ran side by side."""
        router = cls(flow, state, in_waves=True)
        return router._follow(router._end_loop(flow.heads[end.loop], end))

    @classmethod
    def list_items(cls, flow: Flow, loop: str, state: Mapping[str, Json]) -> list[Json]:
        """The items of an inner `map` if it is entered in this state. Raises `ControlError` if they are not a list."""
        head = flow.heads[loop]
        assert isinstance(head.block, Map)
        return cls(flow, state, in_waves=True)._items(head.block, head.around)

    def _follow(self, target: Target) -> Transfer:
        while True:
            match target:
                case AtEnd():
                    return self._arrive(None)
                case AtVertex(id=vertex):
                    return self._arrive(vertex)
                case AtBranch(number=number):
                    branch = self._flow.branches[number]
                    block = branch.block
                    holds = self._holds(block.condition, block.span, "`when`", branch.around)
                    target = branch.do if holds else branch.otherwise
                case AtHead(loop=loop):
                    head = self._flow.heads[loop]
                    if self._in_waves and head.block.parallel is not None:
                        return self._arrive(None, waves=loop if self._state[loop] is None else None)
                    target = self._pass_head(head)

    def _arrive(self, goto: str | None, *, waves: str | None = None) -> Transfer:
        return Transfer(goto, self._update, tuple(self._loop_ends), waves)

    def _change(self, values: Mapping[str, Json]) -> None:
        self._state |= values
        self._update |= values

    def _pass_head(self, head: Head) -> Target:
        """Begin a pass of the loop, or leave it; return the target."""
        loop = head.block.name
        count = self._state[loop]
        if count is None and isinstance(head.block, Map):
            self._change({items_channel(loop): self._items(head.block, head.around)})
        passes = 0 if count is None else count + 1
        reason = self._end_reason(head, passes)
        if reason is None:
            self._begin_pass(head, passes)
            return head.enter
        return self._end_loop(head, LoopEnd(loop, passes, reason))

    def _begin_pass(self, head: Head, number: int) -> None:
        loop = head.block.name
        self._change({loop: number})
        if last_channel(loop) in self._flow.channels:
            self._change({last_channel(loop): number})
        self._forget(self._flow.pass_channels[loop])

    def _end_loop(self, head: Head, end: LoopEnd) -> Target:
        self._loop_ends.append(end)
        self._forget((end.loop, items_channel(end.loop)) if isinstance(head.block, Map) else (end.loop,))
        return head.leave

    def _end_reason(self, head: Head, passes: int) -> EndReason | None:
        """The reason why the loop ends after so many passes; None: it goes on. A condition counts before the bound."""
        block = head.block
        if isinstance(block, Map):
            if passes == len(self._state[items_channel(block.name)]):
                return "items"
            return "at_most" if passes == block.bound else None
        if block.test == "while" and not self._test(block, head.around):
            return "while"
        if block.test == "until" and passes > 0 and self._test(block, head.around):
            return "until"
        if passes < block.bound:
            return None
        return "times" if block.test == "times" else "at_most"

    def _test(self, block: Repeat, around: tuple[str, ...]) -> bool:
        assert block.condition is not None
        return self._holds(block.condition, block.span, f"`{block.test}` of {block.name}", (*around, block.name))

    def _forget(self, channels: tuple[str, ...]) -> None:
        for name in channels:
            initial = self._flow.channels[name].initial
            if self._state[name] != initial:
                self._change({name: initial})

    def _items(self, block: Map, around: tuple[str, ...]) -> list[Json]:
        value = self._value(block.over, block.span, f"`over` of {block.name}", around)
        if not isinstance(value, list | tuple):
            raise self._error(
                block.over, block.span, f"`over` of {block.name}", around, f"gave {value!r:.80}, not a list"
            )
        return list(value)

    def _holds(self, condition: Expression, span: Span, what: str, around: tuple[str, ...]) -> bool:
        value = self._value(condition, span, what, around)
        if not isinstance(value, bool):
            raise self._error(condition, span, what, around, f"gave {value!r:.80}, neither true nor false")
        return value

    def _value(self, expression: Expression, span: Span, what: str, around: tuple[str, ...]) -> Json:
        try:
            return expression.evaluate(state_lookup(self._flow, self._state))
        except (ExpressionError, LookupError) as error:
            raise self._error(expression, span, what, around, str(error)) from error

    def _error(self, expression: Expression, span: Span, what: str, around: tuple[str, ...], why: str) -> ControlError:
        counters = " ".join(f"{loop} {self._state[loop]}" for loop in around if self._state[loop] is not None)
        place = f"{span.file}:{span.line} {what}{', ' + counters if counters else ''}"
        return ControlError(f"{place}: `{expression.text}` {why}")
