"""A workflow whose graph is code: all that it needs to run, besides the graph."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from langgraph.graph import StateGraph

from ste_graph.coded.graph import CodedGraph, make_flow, make_joins
from ste_graph.coded.parts import Loop, Memories, Memory, Models, NamedModel, NamedView, RecordJoin
from ste_graph.coded.step import Target
from ste_graph.coded.unit import CodedContext
from ste_graph.contracts import Json
from ste_graph.diagnostics import Span
from ste_graph.errors import SteError, WorkflowError
from ste_graph.language.blocks import Map
from ste_graph.language.expressions.expression import Expression
from ste_graph.language.workflow import EARLIER_RUN, VALUES, CassetteSpec, MemorySpec, ModelTerms, NodeSpec, Workflow
from ste_graph.node import Node
from ste_graph.prompts.prompt import Prompt
from ste_graph.records import Record
from ste_graph.run.execution import execute
from ste_graph.run.memories import NoMemoryView
from ste_graph.run.summary import Summary


@dataclass(frozen=True, kw_only=True)
class CodedWorkflow:
    """A workflow whose graph is code. `run` runs it in a folder, or takes up the run that is there."""

    name: str
    file: str | Path
    """The module itself: a run is not resumed under another one, unless the change is accepted."""
    state: type
    """A `TypedDict` with all channels."""
    lists: Collection[str] = ()
    """The channels that hold a list, empty at first; the others hold None."""
    make_nodes: Callable[[Models, Memories], Mapping[str, Node]]
    build_graph: Callable[[], StateGraph[Any, CodedContext, Any, Any]]
    first: Target
    """The target at which a unit begins."""
    loops: Mapping[str, Loop] = field(default_factory=dict)
    """Every loop inside a unit, one around another before it."""
    unit: str | None = None
    """The name of the item of a unit; None: the whole graph is one unit."""
    over: str = "tools"
    """The items: `tools`, `data.NAME` or `params.NAME`."""
    without: str | None = None
    at_most: int | None = None
    seed: int = 0
    about: str = ""
    params: Mapping[str, Json] = field(default_factory=dict)
    models: Mapping[str, Any] = field(default_factory=dict)
    terms: Mapping[str, ModelTerms] = field(default_factory=dict)
    """Per model: what it costs, its own budget, and the model that is asked in its place."""
    tools: Sequence[Any] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    memories: Mapping[str, Memory] = field(default_factory=dict)
    transcripts: Mapping[str, str] = field(default_factory=dict)
    """The memory that holds the talk of a node, by node."""
    shown: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The memories that the prompt of a node reads, by node."""
    records: Mapping[str, type[Record]] = field(default_factory=dict)
    joins: Sequence[RecordJoin] = ()
    allow: Sequence[str] | Literal["ask"] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    budget: Mapping[str, Json] = field(default_factory=dict)
    secrets: Collection[str] = ()
    """Values that no prompt, file or report may show."""
    cassette: CassetteSpec | None = None
    off: Collection[str] = ()
    """Nodes and memories that prompts read as empty."""

    async def arun(self, out: str | os.PathLike[str], *, concurrency: int | None = None, **more: Any) -> Summary:
        """Run it in the folder `out`, or take up the run that is there; see `run.execution.execute`."""
        return await execute(self.workflow(), Path(out), concurrency=concurrency, compile_unit=self.compile, **more)

    def run(self, out: str | os.PathLike[str], *, concurrency: int | None = None, **more: Any) -> Summary:
        """`arun` for callers without an event loop."""
        return asyncio.run(self.arun(out, concurrency=concurrency, **more))

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Run it in the folder that the command line names; returns the exit code."""
        words = list(sys.argv[1:] if arguments is None else arguments)
        if len(words) != 1 or words[0].startswith("-"):
            print(f"usage: python {Path(self.file).name} FOLDER\n{self.about}", file=sys.stderr)
            return 2
        try:
            summary = self.run(words[0])
        except SteError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2 if isinstance(error, WorkflowError) else 1
        for unit, why in summary.failed.items():
            print(f"{unit} failed: {why}", file=sys.stderr)
        made = ", ".join(f"{count} {name}" for name, count in sorted(summary.records.items()))
        print(f"{summary.done} of {summary.units} units; records: {made or 'none'}; {summary.run}")
        return 0 if summary.complete else 1

    def compile(self, workflow: Workflow) -> CodedGraph:
        """The graph of one unit, compiled by LangGraph."""
        flow = make_flow(workflow, self.state.__annotations__, self.lists, self.loops, self._span)
        graph = self.build_graph().compile(name=self.name)
        return CodedGraph(flow, graph, self.first, make_joins(self.joins, workflow), self._span)

    def workflow(self) -> Workflow:
        """The workflow as the engine has to know it: everything but the graph."""
        nodes = self.make_nodes(
            {name: NamedModel(name) for name in self.models}, {name: NamedView(name) for name in self.memories}
        )
        specs = {name: self._node_spec(name, node) for name, node in nodes.items()}
        prompts = {f"{name}.{key}": prompt.text for name, spec in specs.items() for key, prompt in spec.prompts.items()}
        code = Path(self.file)
        digest = hashlib.sha256(code.read_bytes()).hexdigest()
        unit_map = None if self.unit is None else self._unit_map()
        return Workflow(
            name=self.name,
            variant=None,
            about=self.about,
            file=code,
            seed=self.seed,
            params=self.params,
            unit_map=unit_map,
            blocks=(),
            nodes=specs,
            memories={name: self._memory_spec(name, memory) for name, memory in self.memories.items()},
            records=self.records,
            models=self.models,
            terms=self.terms,
            tools=tuple(self.tools),
            allow=self.allow if self.allow == "ask" else tuple(self.allow),
            limits=self.limits,
            budget=self.budget,
            lock={
                "workflow": {"name": self.name, "seed": self.seed, "params": dict(self.params)},
                "variant": None,
                "prompts": prompts,
                "code": {code.name: digest},
            },
            off=frozenset(self.off),
            secrets=frozenset(self.secrets),
            cassette=self.cassette,
            data=self.data,
        )

    @property
    def _span(self) -> Span:
        return Span(str(self.file), 1, 1, 1)

    def _unit_map(self) -> Map:
        without = Expression(self.without) if self.without else None
        return Map(self.unit or "", Expression(self.over), (), self.at_most, self._span, without)

    def _memory_spec(self, name: str, memory: Memory) -> MemorySpec:
        settings = memory.settings
        held = {"messages": None, "values": VALUES, "records": memory.of or EARLIER_RUN}[settings.holds]
        like = getattr(getattr(settings, "recall", None), "like", None)
        return MemorySpec(name, settings, memory.lives, held, Expression.from_value(like) if like else None, self._span)

    def _node_spec(self, name: str, node: Node) -> NodeSpec:
        settings: dict[str, Any] = {}
        models: dict[str, str] = {}
        prompts: dict[str, Prompt] = {}
        recalls: dict[str, str | None] = {}
        for key in type(node).model_fields:
            match getattr(node, key):
                case NamedModel(label=model):
                    models[key] = model
                case NamedView(name=memory):
                    recalls[key] = memory
                case NoMemoryView():
                    recalls[key] = None
                case Prompt() as prompt:
                    prompts[key] = prompt
                case value:
                    settings[key] = value
        return NodeSpec(
            name=name,
            cls=type(node),
            settings=settings,
            models=models,
            prompts=prompts,
            recalls=recalls,
            transcript=self.transcripts.get(name),
            memories=tuple(self.shown.get(name, ())),
            inputs={},
            outputs=type(node).output_type({**settings, **models}),
            lives="",
            span=self._span,
        )
