"""Control: the next vertex of a unit, given its state. Heads and branches are followed here, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ste_graph.compile.channels import items_channel, last_channel
from ste_graph.compile.flow import AtBranch, AtEnd, AtHead, AtVertex, Flow, Head, Target
from ste_graph.compile.lookup import state_lookup
from ste_graph.compile.stepper import EndReason, LoopEnd
from ste_graph.contracts import Json
from ste_graph.diagnostics import Span
from ste_graph.errors import SteError
from ste_graph.language.blocks import Map, Repeat
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


def transfer(flow: Flow, target: Target, state: Mapping[str, Json], *, in_waves: bool = False) -> Transfer:
    """Follow heads and branches from `target` to the next vertex. Pure: `state` stays as it is.

    A loop's counter is None before it is entered and again after it ended; a new pass empties what lives in it. With
    `in_waves`, a loop whose passes run side by side is not entered here, but comes next as a whole, and a pass of it
    ends where it would begin another. Without, its passes follow one another.
    """
    return _Control(flow, state, in_waves=in_waves).follow(target)


def begin_pass(flow: Flow, loop: str, state: Mapping[str, Json], number: int) -> Transfer:
    """The transfer into one pass of a loop whose passes run side by side; nothing comes next if nothing runs in it."""
    control = _Control(flow, state, in_waves=True)
    control.begin_pass(flow.heads[loop], number)
    return control.follow(flow.heads[loop].enter)


def leave_loop(flow: Flow, state: Mapping[str, Json], end: LoopEnd) -> Transfer:
    """The transfer out of a loop whose passes ran side by side."""
    control = _Control(flow, state, in_waves=True)
    return control.follow(control.end_loop(flow.heads[end.loop], end))


def list_items(flow: Flow, loop: str, state: Mapping[str, Json]) -> list[Json]:
    """What an inner `map` goes over, if it is entered in this state. Raises `ControlError` where that is no list."""
    head = flow.heads[loop]
    assert isinstance(head.block, Map)
    return _Control(flow, state).items(head.block, head.around)


class _Control:
    """The state while control moves through it, and its changes."""

    def __init__(self, flow: Flow, state: Mapping[str, Json], *, in_waves: bool = False) -> None:
        self.flow = flow
        self.state = dict(state)
        self.in_waves = in_waves
        self.update: dict[str, Json] = {}
        self.loop_ends: list[LoopEnd] = []

    def follow(self, target: Target) -> Transfer:
        while True:
            match target:
                case AtEnd():
                    return self.arrive(None)
                case AtVertex(id=vertex):
                    return self.arrive(vertex)
                case AtBranch(number=number):
                    branch = self.flow.branches[number]
                    block = branch.block
                    holds = self.holds(block.condition, block.span, "`when`", branch.around)
                    target = branch.do if holds else branch.otherwise
                case AtHead(loop=loop):
                    head = self.flow.heads[loop]
                    if self.in_waves and head.block.parallel is not None:
                        return self.arrive(None, waves=loop if self.state[loop] is None else None)
                    target = self.pass_head(head)

    def arrive(self, goto: str | None, *, waves: str | None = None) -> Transfer:
        return Transfer(goto, self.update, tuple(self.loop_ends), waves)

    def set(self, channel: str, value: Json) -> None:
        self.state[channel] = self.update[channel] = value

    def pass_head(self, head: Head) -> Target:
        """Begin a pass of the loop, or leave it; return the target."""
        loop = head.block.name
        count = self.state[loop]
        if count is None and isinstance(head.block, Map):
            self.set(items_channel(loop), self.items(head.block, head.around))
        passes = 0 if count is None else count + 1
        reason = self.end_reason(head, passes)
        if reason is None:
            self.begin_pass(head, passes)
            return head.enter
        return self.end_loop(head, LoopEnd(loop, passes, reason))

    def begin_pass(self, head: Head, number: int) -> None:
        loop = head.block.name
        self.set(loop, number)
        if last_channel(loop) in self.flow.channels:
            self.set(last_channel(loop), number)
        self.forget(self.flow.pass_channels[loop])

    def end_loop(self, head: Head, end: LoopEnd) -> Target:
        self.loop_ends.append(end)
        self.forget((end.loop, items_channel(end.loop)) if isinstance(head.block, Map) else (end.loop,))
        return head.leave

    def end_reason(self, head: Head, passes: int) -> EndReason | None:
        """The reason why the loop ends after so many passes; None: it goes on. A condition counts before the bound."""
        block = head.block
        if isinstance(block, Map):
            if passes == len(self.state[items_channel(block.name)]):
                return "items"
            return "at_most" if passes == block.bound else None
        if block.test == "while" and not self.test(block, head.around):
            return "while"
        if block.test == "until" and passes > 0 and self.test(block, head.around):
            return "until"
        if passes < block.bound:
            return None
        return "times" if block.test == "times" else "at_most"

    def test(self, block: Repeat, around: tuple[str, ...]) -> bool:
        assert block.condition is not None
        return self.holds(block.condition, block.span, f"`{block.test}` of {block.name}", (*around, block.name))

    def forget(self, channels: tuple[str, ...]) -> None:
        for name in channels:
            initial = self.flow.channels[name].initial
            if self.state[name] != initial:
                self.set(name, initial)

    def items(self, block: Map, around: tuple[str, ...]) -> list[Json]:
        value = self.value(block.over, block.span, f"`over` of {block.name}", around)
        if not isinstance(value, list | tuple):
            raise self.error(
                block.over, block.span, f"`over` of {block.name}", around, f"gave {value!r:.80}, not a list"
            )
        return list(value)

    def holds(self, condition: Expression, span: Span, what: str, around: tuple[str, ...]) -> bool:
        value = self.value(condition, span, what, around)
        if not isinstance(value, bool):
            raise self.error(condition, span, what, around, f"gave {value!r:.80}, neither true nor false")
        return value

    def value(self, expression: Expression, span: Span, what: str, around: tuple[str, ...]) -> Json:
        try:
            return expression.evaluate(state_lookup(self.flow, self.state))
        except (ExpressionError, LookupError) as error:
            raise self.error(expression, span, what, around, str(error)) from error

    def error(self, expression: Expression, span: Span, what: str, around: tuple[str, ...], why: str) -> ControlError:
        counters = " ".join(f"{loop} {self.state[loop]}" for loop in around if self.state[loop] is not None)
        place = f"{span.file}:{span.line} {what}{', ' + counters if counters else ''}"
        return ControlError(f"{place}: `{expression.text}` {why}")
