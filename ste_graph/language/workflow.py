"""A checked workflow: everything is resolved, typed and bound; what stands here fits together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ste_graph.contracts import DataSource, Json
from ste_graph.language.blocks import Block, Map
from ste_graph.language.diagnostics import Span
from ste_graph.language.expressions import Expression
from ste_graph.language.tree import Scalar
from ste_graph.node import Node, NodeOutputs
from ste_graph.prompt import Prompt
from ste_graph.records import Record

Lookup: TypeAlias = Callable[[str], Json]
"""The value of a dotted name, see `ste_graph.compile.lookup`."""

UNIT = "run"
"""The name of the longest lifetime inside a run where there is no top-level `map`."""


@dataclass(frozen=True, slots=True)
class FromNode:
    """A value read from a node's output; `node` may be off, then it is always None."""

    node: str
    field: str


@dataclass(frozen=True, slots=True)
class FromLoop:
    """A value read from a loop: the item of a `map`, or what lies in it, or the counter (from 0) of a `repeat`."""

    name: str
    """The loop's name; for a part of its item with the keys behind it, as in `case.query`."""


@dataclass(frozen=True, slots=True)
class FromData:
    """What an entry of `data` gives: all its items."""

    data: str


Source: TypeAlias = FromNode | FromLoop | FromData


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One definition in `nodes:`, resolved."""

    name: str
    cls: type[Node]
    settings: Mapping[str, Any]
    """Plain settings, by field name; the fields below hold the others."""
    models: Mapping[str, str]
    prompts: Mapping[str, Prompt]
    recalls: Mapping[str, str | None]
    """Fields of type `RecordView`, with the memory's name (None: that memory is off)."""
    transcript: str | None
    memories: tuple[str, ...]
    inputs: Mapping[str, Source]
    """Where each field of `cls.See` comes from."""
    outputs: type[NodeOutputs]
    lives: str
    """The loop in which the output is remembered, or the unit's name."""
    span: Span

    @property
    def model_calls(self) -> int:
        """Model calls at most, per run of the node."""
        return len(self.models)


@dataclass(frozen=True, slots=True)
class MemorySpec:
    """One definition in `memory:`, resolved; memories that are off do not stand here."""

    name: str
    memory: Any
    """A TranscriptMemory or RecordMemory: a frozen object with its settings."""
    lives: str
    """A loop, the unit's name, or `forever`."""
    of: str | None
    like: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class CassetteSpec:
    """Where model replies and tool results are recorded, or come from instead of models and tools."""

    path: Path
    """A folder."""
    mode: Literal["live", "record", "replay"]


@dataclass(frozen=True, slots=True)
class ResetSpec:
    """What brings the tools back to a known state: a call of `tool`, or a `command`, before each pass of a loop."""

    before: str
    """A loop inside a unit, or the unit's name: then once, as it begins."""
    tool: str | None
    arguments: Mapping[str, Json] = field(hash=False)
    command: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class SubWorkflowSpec:
    """One `run:` block, resolved. Among the nodes it stands under its name, as one that gives what the run came to."""

    name: str
    file: Path
    workflow: Workflow = field(repr=False)
    """The sub-workflow as it was checked; `<…>` stands for what only the run knows."""
    begin: Callable[[Lookup], Workflow] = field(repr=False)
    """The sub-workflow with the values that it begins with. Raises `DiagnosticsError` where they make it wrong."""
    deferred: Mapping[str, Sequence[tuple[Expression, Scalar]]] = field(repr=False, hash=False)
    """Per path of `with`: what only the run knows of it, and where that is written."""
    partial: bool
    """Whether the caller goes on where some of its units have failed."""
    result_type: type[Record] | None
    """The type of the record that it ends with, where it is one unit and does so."""
    span: Span


@dataclass(frozen=True, slots=True)
class Workflow:
    """One arm (the base or a variant) of a workflow file, checked."""

    name: str
    variant: str | None
    about: str
    file: Path
    seed: int
    params: Mapping[str, Json]
    over: Map | None
    """The top-level map, whose items are the units; None if the whole workflow is one unit."""
    blocks: tuple[Block, ...]
    """What one unit runs: the map's `do`, or the whole graph."""
    nodes: Mapping[str, NodeSpec]
    """The nodes that stand in the graph; nodes that are off do not."""
    memories: Mapping[str, MemorySpec]
    records: Mapping[str, type[Record]]
    """The types of the records that the graph makes, by the name in `record:`."""
    models: Mapping[str, Any]
    tools: tuple[Any, ...]
    allow: tuple[str, ...] | Literal["ask"]
    """Effects, or names of tools, that the run may call beside those that only read; `ask`: a person decides."""
    limits: Mapping[str, float]
    """Settings of `limits:` that the file states, see `ToolLimits`."""
    budget: Mapping[str, int]
    """Settings of `budget:` that the file states, see `models.meter.Budget`."""
    lock: Mapping[str, Json] = field(repr=False)
    """The resolved workflow as plain data: what a resumed run must equal."""
    sub_workflows: Mapping[str, SubWorkflowSpec] = field(default_factory=dict)
    """The sub-workflows that the graph runs; each stands among `nodes` too."""
    off: frozenset[str] = frozenset()
    """Nodes and memories that are off."""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """What no prompt, file or report may show."""
    cassette: CassetteSpec | None = None
    reset: ResetSpec | None = None
    data: Mapping[str, DataSource] = field(default_factory=dict)
    items: Mapping[str, list[Json]] = field(default_factory=dict, repr=False)
    """What the sources in `data` give, by their names; empty until they are opened."""

    @property
    def unit(self) -> str:
        """The name of the longest lifetime inside a run."""
        return self.over.name if self.over else UNIT
