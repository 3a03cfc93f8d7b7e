"""Workflows for the tests of the compiler, built without the language's checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import create_model

from ste_graph.compile.flow import Vertex
from ste_graph.compile.stepper import LoopEnd, StepKey
from ste_graph.diagnostics import Span
from ste_graph.language.blocks import Block, Each, Map, NodeBlock, Parallel, RecordBlock, Repeat, When, walk
from ste_graph.language.expressions.expression import Expression
from ste_graph.language.workflow import MemorySpec, NodeSpec, Workflow
from ste_graph.node import Node, NodeOutputs

FILE = "tiny.yaml"


def workflow(
    graph: str | list[Any],
    *,
    gives: Mapping[str, Sequence[str]] | None = None,
    calls: Mapping[str, tuple[int, int]] | None = None,
    lives: Mapping[str, str] | None = None,
    transcript: Mapping[str, str] | None = None,
    memories_read: Mapping[str, Sequence[str]] | None = None,
    memories: Mapping[str, tuple[str, str | None]] | None = None,
    params: Mapping[str, Any] | None = None,
    off: Sequence[str] = (),
    over: str | None = "tool",
) -> Workflow:
    """A workflow with these blocks.

    `gives`: a node's outputs (default: `flag`); `calls`: its model and tool calls; `lives`: where its output lives, if
    not in the innermost loop around all its occurrences; `memories`: where each lives, and of what.
    """
    blocks = _blocks(yaml.safe_load(graph) if isinstance(graph, str) else graph, _Numbers())
    nodes = {}
    for name in dict.fromkeys(block.node for block, _ in walk(blocks) if isinstance(block, NodeBlock)):
        if name in off:
            continue
        model_calls, tool_calls = (calls or {}).get(name, (0, 0))
        fields = {field: (Any, ...) for field in (gives or {}).get(name, ["flag"])}
        nodes[name] = NodeSpec(
            name=name,
            cls=type(name, (Node,), {"__module__": __name__, "tool_calls": tool_calls}),
            settings={},
            models={f"model_{n}": "m" for n in range(model_calls)},
            prompts={},
            recalls={},
            transcript=(transcript or {}).get(name),
            memories=tuple((memories_read or {}).get(name, ())),
            inputs={},
            outputs=create_model(name, __base__=NodeOutputs, **fields),
            lives=(lives or {}).get(name, _innermost(name, blocks, over or "run")),
            span=_span(),
        )
    return Workflow(
        name="tiny",
        variant=None,
        about="",
        file=Path(FILE),
        seed=0,
        params=params or {},
        unit_map=Map(over, Expression("tools"), blocks, None, _span()) if over else None,
        blocks=blocks,
        nodes=nodes,
        memories={
            name: MemorySpec(name, None, lives, of, None, _span()) for name, (lives, of) in (memories or {}).items()
        },
        off=frozenset(off),
        **{unread: {} for unread in ("records", "models", "tools", "allow", "limits", "budget", "lock")},
    )


class Scripted:
    """A stepper: gives what its script says, raises when the script runs out, and notes what happened.

    A script holds, per node, one dict (or one bare value, for the only field) per run.
    """

    def __init__(self, workflow: Workflow, **script: Sequence[Any]) -> None:
        self.workflow = workflow
        self.script = {node: list(values) for node, values in script.items()}
        self.keys: list[str] = []
        self.states: list[Mapping[str, Any]] = []
        self.loops: list[LoopEnd] = []

    async def step(self, vertex: Vertex, key: StepKey, state: Mapping[str, Any]) -> Mapping[str, Any]:
        self.keys.append(str(key))
        self.states.append(dict(state))
        if isinstance(vertex.block, RecordBlock):
            return {}
        spec = self.workflow.nodes[vertex.block.node]
        value = self.script[spec.name].pop(0) if spec.name in self.script else None
        fields = value if isinstance(value, dict) else dict.fromkeys(spec.outputs.model_fields, value)
        update = {f"{spec.name}.{field}": given for field, given in fields.items()}
        if spec.transcript:
            update[spec.transcript] = [*state[spec.transcript], {"role": "assistant", "content": str(key)}]
        return update

    def end_loops(self, key: StepKey, ends: Sequence[LoopEnd]) -> None:
        self.loops += ends


class _Numbers:
    """Line numbers and record keys, in reading order."""

    def __init__(self) -> None:
        self.line = 0
        self.records: dict[str, int] = {}

    def span(self) -> Span:
        self.line += 1
        return _span(self.line)

    def key(self, record: str) -> str:
        count = self.records[record] = self.records.get(record, 0) + 1
        return record if count == 1 else f"{record}~{count}"


def _blocks(items: Sequence[Any], numbers: _Numbers) -> tuple[Block, ...]:
    return tuple(_block(item, numbers) for item in items)


def _block(item: Any, numbers: _Numbers) -> Block:
    span = numbers.span()
    match item:
        case str():
            return NodeBlock(item, span)
        case {"repeat": name, "do": do, "times": bound}:
            return Repeat(name, _blocks(do, numbers), bound, "times", None, span, _parallel(item))
        case {"repeat": name, "do": do, "at_most": bound, "while": condition}:
            return Repeat(name, _blocks(do, numbers), bound, "while", Expression(condition), span)
        case {"repeat": name, "do": do, "at_most": bound, "until": condition}:
            return Repeat(name, _blocks(do, numbers), bound, "until", Expression(condition), span)
        case {"map": name, "over": over, "do": do, "at_most": bound}:
            return Map(name, Expression(over), _blocks(do, numbers), bound, span, parallel=_parallel(item))
        case {"when": condition, "do": do}:
            do, otherwise = _blocks(do, numbers), _blocks(item.get("else", ()), numbers)
            return When(Expression(condition), do, otherwise, span)
        case {"record": record, "as": values}:
            return RecordBlock(
                record, numbers.key(record), {name: _value(value) for name, value in values.items()}, span
            )
    raise ValueError(f"no block: {item}")


def _parallel(item: Mapping[str, Any]) -> Parallel | None:
    return Parallel(item["parallel"], _span()) if "parallel" in item else None


def _value(value: Any) -> Expression | Each:
    if isinstance(value, dict):
        first, *second = value["each"]
        return Each(first, second[0] if second else None)
    return Expression(value)


def _innermost(node: str, blocks: Sequence[Block], unit: str) -> str:
    places = [around for block, around in walk(blocks) if isinstance(block, NodeBlock) and block.node == node]
    shared = [loops[0] for loops in zip(*places, strict=False) if len(set(loops)) == 1]
    return shared[-1] if shared else unit


def _span(line: int = 1) -> Span:
    return Span(FILE, line, 1, 1)
