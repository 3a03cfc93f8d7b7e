"""Any nesting of blocks means the same to the compiled graph and to a plain interpreter of the tree."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tree_interpreter import Interpreter, Script
from workflow_builder import workflow

from ste_graph.compile.channels import each_channel
from ste_graph.compile.cost import max_unit_cost
from ste_graph.compile.edges import list_edges
from ste_graph.compile.flow import Flow, Vertex
from ste_graph.compile.graph import CompiledGraph
from ste_graph.compile.lookup import loop_value
from ste_graph.compile.stepper import LoopEnd, StepKey
from ste_graph.language.blocks import Each, Map, RecordBlock, Repeat, walk
from ste_graph.language.workflow import Workflow
from ste_graph.run.memories import memory_scope

NODES = ("a", "b", "c", "d")
PARAMS = {
    "parts": [{"size": 2, "parts": [{"size": 1, "parts": []}, {"size": 0, "parts": []}]}, {"size": 0, "parts": []}]
}


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    loops: list[str] = []
    maps: list[str] = []
    standing: list[str] = []

    def condition() -> str:
        choices = [f"({node}.flag is None or {node}.flag)" for node in NODES]
        choices += [f"({loop} is None or {loop} < 1)" for loop in loops]
        choices += [f"({loop} is None or {loop}.size < 1)" for loop in maps]
        return draw(st.sampled_from(["", "not "])) + draw(st.sampled_from(choices))

    def sequence(depth: int, around: tuple[str, ...]) -> list[Any]:
        return [block(depth, around) for _ in range(draw(st.integers(1, 3)))]

    def block(depth: int, around: tuple[str, ...]) -> Any:
        kinds = ["do", "do", "record", "times", "while", "until", "map", "when"] if depth else ["do"]
        kind = draw(st.sampled_from(kinds))
        if kind == "do":
            standing.append(draw(st.sampled_from(NODES)))
            return standing[-1]
        if kind == "record":
            pairs = st.lists(st.sampled_from(NODES), min_size=1, max_size=2, unique=True)
            return {"record": "note", "as": {"query": "a.flag", "steps": {"each": draw(pairs)}}}
        if kind == "when":
            block = {"when": condition(), "do": sequence(depth - 1, around)}
            return block | ({"else": sequence(depth - 1, around)} if draw(st.booleans()) else {})
        bound = draw(st.integers(0, 3))
        name = f"{'m' if kind == 'map' else 'l'}{len(loops) + len(maps)}"
        if kind == "map":
            over = draw(st.sampled_from(["params.parts", *(f"{loop}.parts" for loop in around if loop in maps)]))
            maps.append(name)
            return {"map": name, "over": over, "at_most": bound, "do": sequence(depth - 1, (*around, name))}
        loops.append(name)
        test = {"times": bound} if kind == "times" else {kind: condition(), "at_most": bound}
        return {"repeat": name, **test, "do": sequence(depth - 1, (*around, name))}

    graph = sequence(3, ())
    anywhere = st.sampled_from([*loops, *maps, "tool"])
    transcripts = {name: (draw(anywhere), None) for name in ("short", "long")}
    memories = transcripts | {name: (draw(anywhere), "note") for name in ("notes", "more")}
    lives = draw(st.dictionaries(st.sampled_from(NODES), anywhere))
    transcript = draw(st.dictionaries(st.sampled_from(NODES), st.sampled_from(sorted(transcripts))))
    off = draw(st.sets(st.sampled_from(NODES), max_size=1)) | (set(NODES) - set(standing))
    return workflow(
        graph,
        gives={node: ["flag", f"text_{node}"] for node in NODES},
        calls=dict.fromkeys(NODES, (2, 1)),
        lives=lives,
        transcript=transcript,
        memories=memories,
        params=PARAMS,
        off=sorted(off),
    )


class Tracing:
    """A stepper that notes what the interpreter notes."""

    def __init__(self, flow: Flow, script: Script) -> None:
        self.flow = flow
        self.script = script
        self.runs: dict[str, int] = {}
        self.keys: list[str] = []
        self.vertices: list[str] = []
        self.trace: list[Any] = []
        self.kept: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        """Per record memory and scope: what a store would hold."""

    async def step(self, vertex: Vertex, key: StepKey, state: Mapping[str, Any]) -> Mapping[str, Any]:
        self.keys.append(str(key))
        self.vertices.append(vertex.id)
        if isinstance(vertex.block, RecordBlock):
            key = vertex.block.key
            self.trace.append(("ran", f"record {key}", self.view(state)))
            number = self.runs[key] = self.runs.get(key, 0) + 1
            for name, memory in self.flow.workflow.memories.items():
                if memory.of == vertex.block.record:
                    self.kept[name, memory_scope(memory, self.flow, "unit", state)].append(f"{key} {number}")
            return {}
        node = vertex.block.node
        self.trace.append(("ran", node, self.view(state)))
        number = self.runs[node] = self.runs.get(node, 0) + 1
        update = {f"{node}.{field}": value for field, value in self.script(node, number).items()}
        transcript = self.flow.workflow.nodes[node].transcript
        return update | ({transcript: [*state[transcript], f"{node} {number}"]} if transcript else {})

    def end_loops(self, key: StepKey, ends: Sequence[LoopEnd]) -> None:
        self.trace += [("ended", loop.loop, loop.passes, loop.reason) for loop in ends]

    def view(self, state: Mapping[str, Any]) -> dict[str, Any]:
        flow, seen = self.flow, {}
        for name, spec in flow.workflow.nodes.items():
            seen |= {f"{name}.{field}": state[f"{name}.{field}"] for field in spec.outputs.model_fields}
        for block, _ in walk(flow.workflow.blocks):
            if isinstance(block, Repeat | Map):
                seen[block.name] = state[block.name]
                seen[f"item of {block.name}"] = loop_value(flow, block.name, state) if isinstance(block, Map) else None
            if isinstance(block, RecordBlock):
                for each in block.values.values():
                    if isinstance(each, Each):
                        seen[f"{each.first}+{each.second}@{block.key}"] = state[each_channel(each, block.key)]
        for name, memory in flow.workflow.memories.items():
            kept = [] if memory.of is None else self.kept[name, memory_scope(memory, flow, "unit", state)]
            seen[name] = state[name] if memory.of is None else list(kept)
        return seen


def agree(workflow: Workflow, flags: Sequence[bool]) -> None:
    def script(node: str, number: int) -> dict[str, Any]:
        return {"flag": flags[(number + NODES.index(node)) % len(flags)], f"text_{node}": f"{node} {number}"}

    expected = Interpreter(workflow, script).run()
    graph = CompiledGraph(workflow)
    stepper = Tracing(graph.flow, script)
    state = asyncio.run(graph.run(None, stepper))
    assert [*stepper.trace, ("done", stepper.view(state))] == expected

    assert len(set(stepper.keys)) == len(stepper.keys)
    bound = max_unit_cost(workflow)
    assert len(stepper.keys) <= bound.supersteps == graph.limit - 1
    runs = sum(count for name, count in stepper.runs.items() if name in NODES)
    assert (2 * runs, runs) <= (bound.model_calls, bound.tool_calls)
    drawn = {(edge.source, edge.target) for edge in list_edges(graph.flow)}
    assert set(pairwise([None, *stepper.vertices, None])) <= drawn


many = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@settings(many, max_examples=200)
@given(workflows(), st.lists(st.booleans(), min_size=1, max_size=7))
def test_any_nesting_runs_as_a_plain_interpreter_would_run_it(workflow: Workflow, flags: list[bool]) -> None:
    agree(workflow, flags)


@pytest.mark.slow
@settings(many, max_examples=3000)
@given(workflows(), st.lists(st.booleans(), min_size=1, max_size=7))
def test_thousands_of_nestings_run_as_a_plain_interpreter_would_run_them(workflow: Workflow, flags: list[bool]) -> None:
    agree(workflow, flags)
