"""Passes side by side end in the state of the same passes one after another, whoever is first."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_nestings import many, workflows
from workflow_builder import workflow

from ste_graph.compile.channels import is_start_channel
from ste_graph.compile.flow import Vertex
from ste_graph.compile.graph import CompiledGraph
from ste_graph.compile.stepper import LoopEnd, StepKey, Stepper, Wave
from ste_graph.compile.walk import WalkedGraph
from ste_graph.language.blocks import Block, Map, Parallel, RecordBlock, Repeat, When, walk
from ste_graph.language.sections.parallel import ParallelChecker
from ste_graph.language.source.findings import Findings
from ste_graph.language.workflow import Workflow


class Keyed:
    """A stepper whose nodes give what only the key of the step decides, after a while of their own."""

    def __init__(self, workflow: Workflow, seed: int) -> None:
        self.workflow = workflow
        self.seed = seed
        self.keys: list[str] = []
        self.running = self.most = 0
        self.loops: list[LoopEnd] = []
        self.waves: list[Wave] = []

    async def step(self, vertex: Vertex, key: StepKey, state: Mapping[str, Any]) -> Mapping[str, Any]:
        self.running += 1
        self.most = max(self.most, self.running)
        for _ in range(random.Random(f"{self.seed} {key}").randrange(4)):
            await asyncio.sleep(0)
        self.running -= 1
        self.keys.append(str(key))
        if isinstance(vertex.block, RecordBlock):
            return {}
        number = int(sha256(str(key).encode()).hexdigest(), 16)
        node = self.workflow.nodes[vertex.block.node]
        update: dict[str, Any] = {
            f"{node.name}.{field}": number % 2 == 0 if field == "flag" else f"{field} {key}"
            for field in node.outputs.model_fields
        }
        return update | ({node.transcript: [*state[node.transcript], str(key)]} if node.transcript else {})

    def end_loops(self, key: StepKey, ends: Sequence[LoopEnd]) -> None:
        self.loops += ends

    @asynccontextmanager
    async def run_wave(self, wave: Wave) -> AsyncIterator[Keyed]:
        self.waves.append(wave)
        yield self

    def begin_pass(self, number: int) -> Stepper:
        return self

    async def end_pass(self, number: int) -> None: ...


class Crowded(Keyed):
    """A stepper whose first steps wait until so many run at once, and so show that they do."""

    def __init__(self, workflow: Workflow, width: int) -> None:
        super().__init__(workflow, seed=1)
        self.width = width
        self.crowded = asyncio.Event()

    async def step(self, vertex: Vertex, key: StepKey, state: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.running + 1 == self.width:
            self.crowded.set()
        self.running += 1
        await asyncio.wait_for(self.crowded.wait(), timeout=60)
        self.running -= 1
        return await super().step(vertex, key, state)


def side_by_side(workflow: Workflow, width: int) -> Workflow:
    """The workflow with all passes side by side that may be so."""
    refused: set[str] = set()
    while True:
        blocks = _parallel(workflow.blocks, width, refused)
        findings = Findings()
        lives = dict.fromkeys(workflow.off, workflow.unit) | {name: node.lives for name, node in workflow.nodes.items()}
        checker = ParallelChecker(blocks, workflow.nodes, workflow.memories, {}, lives, findings)
        checker.check(has_reset=False, limits_calls=False)
        if not findings.diagnostics:
            return replace(workflow, blocks=blocks)
        refused |= {found.message.split("`")[1] for found in findings.diagnostics}


def _parallel(blocks: Sequence[Block], width: int, refused: set[str]) -> tuple[Block, ...]:
    made: list[Block] = []
    for block in blocks:
        match block:
            case Repeat(do=do) | Map(do=do):
                may = block.name not in refused and (isinstance(block, Map) or block.test == "times")
                parallel = Parallel(width, block.span) if may else None
                made.append(replace(block, do=_parallel(do, width, refused), parallel=parallel))
            case When(do=do, otherwise=otherwise):
                inner = _parallel(do, width, refused), _parallel(otherwise, width, refused)
                made.append(replace(block, do=inner[0], otherwise=inner[1]))
            case _:
                made.append(block)
    return tuple(made)


def state_after(workflow: Workflow, stepper: Keyed, *, walked: bool = False) -> dict[str, Any]:
    graph = WalkedGraph(workflow) if walked else CompiledGraph(workflow)
    state = asyncio.run(graph.run(None, stepper))
    return {name: value for name, value in state.items() if not is_start_channel(name)}


@many
@given(workflows(), st.integers(2, 3), st.integers(0, 5))
def test_any_nesting_side_by_side_ends_as_it_does_in_order(workflow: Workflow, width: int, seed: int) -> None:
    waves = side_by_side(workflow, width)
    expected, stepper, walker = Keyed(workflow, 0), Keyed(waves, seed), Keyed(waves, seed)
    state = state_after(workflow, expected)
    assert state_after(waves, stepper) == state
    assert state_after(waves, walker, walked=True) == state
    assert sorted(stepper.keys) == sorted(walker.keys) == sorted(expected.keys)
    assert sorted(map(str, stepper.loops)) == sorted(map(str, expected.loops))
    assert walker.keys == expected.keys


def test_a_wave_has_so_many_passes_at_once_and_the_next_begins_when_it_is_done() -> None:
    graph = "[{repeat: l, times: 5, parallel: 2, do: [a, b]}]"
    stepper = Crowded(own := workflow(graph), 2)
    state_after(own, stepper)
    assert stepper.waves == [Wave("l", 0, 2), Wave("l", 2, 4), Wave("l", 4, 5)]
    assert stepper.most == 2
    assert {key.split("=")[1] for key in stepper.keys[:4]} == {"0", "1"}
    assert stepper.loops == [LoopEnd("l", 5, "times")]


def test_a_map_begins_another_pass_as_soon_as_one_is_done() -> None:
    graph = "[{map: m, over: params.x, at_most: 4, parallel: 3, do: [a]}]"
    stepper = Crowded(own := workflow(graph, params={"x": list(range(6))}), 3)
    state_after(own, stepper)
    assert stepper.waves == [Wave("m", 0, 4)]
    assert stepper.most == 3
    assert stepper.loops == [LoopEnd("m", 4, "at_most")]


@pytest.mark.parametrize("failing", ["a l=0", "b l=1"])
def test_a_pass_that_fails_ends_the_others(failing: str) -> None:
    class Failing(Keyed):
        async def step(self, vertex: Vertex, key: StepKey, state: Mapping[str, Any]) -> Mapping[str, Any]:
            if str(key) == failing:
                raise ValueError("no idea")
            if key.counters == (("l", 2),):
                await asyncio.Event().wait()
            return await super().step(vertex, key, state)

    own = workflow("[{repeat: l, times: 3, parallel: 3, do: [a, b]}]")
    with pytest.raises(ValueError, match="no idea"):
        state_after(own, Failing(own, 0))


def test_loops_side_by_side_are_found_by_the_checker() -> None:
    own = workflow("[{repeat: l, times: 2, do: [a]}]", lives={"a": "tool"})
    assert [block.name for block, _ in walk(side_by_side(own, 2).blocks) if getattr(block, "parallel", None)] == ["l"]
