"""Waves: passes of a loop that run side by side, and the state after them, which does not depend on who was first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextvars import Context
from dataclasses import replace
from typing import Final, TypeAlias

from ste_graph.compile.channels import is_each_channel, is_start_channel, items_channel
from ste_graph.compile.flow import Flow
from ste_graph.compile.stepper import EndReason, LoopEnd, StepKey, Stepper, Wave, WaveStepper
from ste_graph.compile.transfer import Router, Transfer
from ste_graph.contracts import Json
from ste_graph.language.blocks import Map, NodeBlock

_UNGIVEN: Final = ("not given in this pass",)
"""The value of an output that outlives the loop, until its node runs in a pass: nothing may read it before."""

RunPass: TypeAlias = Callable[[Transfer, Mapping[str, Json], Stepper], Awaitable[Mapping[str, Json]]]
"""Runs a pass from where it begins, in the state in which it does, to its end; returns its last state."""


def waves_vertex(loop: str) -> str:
    """The id of the vertex at which all passes of a loop run."""
    return f"{loop} side by side"


async def run_waves(
    flow: Flow, loop: str, state: Mapping[str, Json], stepper: Stepper, run_pass: RunPass, *, in_order: bool = False
) -> Transfer:
    """Run all passes of a loop; return the transfer after the loop, with the change that they made.

    Each pass begins in the state in which its wave began. Of a `map`, whose passes read nothing of each other, all are
    one wave, and another begins as soon as one has ended. Raises what a pass raises, after the others were cancelled.
    With `in_order`, the passes of a wave run one after another, which comes to the same.
    """
    block = flow.heads[loop].block
    assert block.parallel is not None
    held = dict(state)
    if isinstance(block, Map):
        items = held[items_channel(loop)] = Router.list_items(flow, loop, held)
        passes = len(items) if block.bound is None else min(len(items), block.bound)
        reason: EndReason = "items" if passes == len(items) else "at_most"
    else:
        passes, reason = block.bound, "times"
    key = StepKey(waves_vertex(loop), tuple((name, held[name]) for name in flow.heads[loop].around))
    for wave in list_waves(flow, loop, held, passes):
        async with stepper.run_wave(wave) as steppers:
            width = 1 if in_order else block.parallel.width
            states = await _run_passes(flow, wave, key, held, steppers, run_pass, width)
        held |= merge_passes(flow, loop, held, states)
    moved = Router.leave_loop(flow, held, LoopEnd(loop, passes, reason))
    if moved.loop_ends:
        stepper.end_loops(key, moved.loop_ends)
    changed = {name: value for name, value in held.items() if value is not state[name]}
    return replace(moved, update=changed | dict(moved.update))


def list_waves(flow: Flow, loop: str, state: Mapping[str, Json], passes: int) -> Iterator[Wave]:
    """The waves of so many passes of a loop."""
    head = flow.heads[loop]
    assert head.block.parallel is not None
    size = max(passes, 1) if isinstance(head.block, Map) else head.block.parallel.width
    around = tuple((name, state[name]) for name in head.around)
    return (Wave(loop, first, min(first + size, passes), around) for first in range(0, passes, size))


def entered_waves(flow: Flow, state: Mapping[str, Json]) -> list[Wave]:
    """The waves in whose passes a unit is, outermost first, where passes are walked one after another."""
    found = []
    for loop, head in flow.heads.items():
        if head.block.parallel is not None and state[loop] is not None:
            most = head.block.bound
            if isinstance(head.block, Map):
                count = len(state[items_channel(loop)])
                most = count if most is None else min(count, most)
            found += [wave for wave in list_waves(flow, loop, state, most or 0) if state[loop] in wave.passes]
    return sorted(found, key=lambda wave: len(wave.around))


def merge_passes(
    flow: Flow, loop: str, state: Mapping[str, Json], states: Sequence[Mapping[str, Json]]
) -> dict[str, Json]:
    """The change of the state in which a wave began, made from the last states of its passes, in their order.

    It is that of the same passes one after another: what lives in the loop is the last pass's, what outlives it is of
    the last pass that gave it, and entries of an `each` follow one another.
    """
    emptied = set(flow.pass_channels[loop])
    update: dict[str, Json] = dict(states[-1])
    outputs = _outliving_outputs(flow, loop)
    for name in state.keys() - emptied:
        before = state[name]
        # Whether the last entry of an `each` is joined, those know that have added to it.
        sign = name.removesuffix(".joined")
        untouched = _UNGIVEN if name in outputs else state[sign]
        changed = [own[name] for own in states if own[sign] is not untouched]
        if not changed:
            update[name] = before
        elif is_each_channel(name):
            update[name] = [*before, *(entry for own in changed for entry in own[len(before) :])]
        elif is_start_channel(name):
            update[name] = min(changed)
        elif name in flow.workflow.memories:
            update[name] = changed[0]  # a transcript in which no pass spoke: the first record was noted in it, once
        else:
            update[name] = changed[-1]
    return update


def _outliving_outputs(flow: Flow, loop: str) -> set[str]:
    """The channels of outputs that are given in a loop and outlive it."""
    blocks = [each.block for each in flow.vertices.values() if any(loop in around for around in each.occurrences)]
    nodes = {block.node for block in blocks if isinstance(block, NodeBlock)}
    return {channel for node in nodes for channel in flow.outputs[node].values()} - set(flow.pass_channels[loop])


async def _run_passes(
    flow: Flow,
    wave: Wave,
    key: StepKey,
    state: Mapping[str, Json],
    steppers: WaveStepper,
    run_pass: RunPass,
    width: int,
) -> list[Mapping[str, Json]]:
    """Run the passes of a wave, up to `width` at once; their last states, in their order."""
    slots = asyncio.Semaphore(width)
    ungiven = dict.fromkeys(_outliving_outputs(flow, wave.loop), _UNGIVEN)

    async def run(number: int) -> Mapping[str, Json]:
        async with slots:
            begun = Router.begin_pass(flow, wave.loop, state, number)
            stepper = steppers.begin_pass(number)
            if begun.loop_ends:
                stepper.end_loops(StepKey(key.vertex, (*key.counters, (wave.loop, number))), begun.loop_ends)
            last: Mapping[str, Json] = {**state, **ungiven, **begun.update}
            if begun.goto is not None or begun.waves is not None:
                last = await run_pass(begun, last, stepper)
            await steppers.end_pass(number)
            return last

    if width == 1:
        return [await run(number) for number in wave.passes]
    # A context for each: LangGraph would take the graph of a pass for a part of the one that runs it.
    tasks = [asyncio.create_task(run(number), context=Context()) for number in wave.passes]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            if task.done():
                task.result()
        return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
