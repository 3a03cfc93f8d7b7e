"""A checked workflow: everything in it is resolved, typed and bound, and fits together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ste_graph.contracts import DataSource, Json
from ste_graph.diagnostics import Span
from ste_graph.language.blocks import Block, Map
from ste_graph.language.expressions.expression import Expression
from ste_graph.language.source.tree import ScalarNode
from ste_graph.models.meter import ModelBudget
from ste_graph.models.prices import Prices
from ste_graph.node import Node, NodeOutputs
from ste_graph.prompts.prompt import Prompt
from ste_graph.records import Record

if TYPE_CHECKING:
    from ste_graph.language.variant import VariantRequest

Lookup: TypeAlias = Callable[[str], Json]
"""The value of a dotted name, see `ste_graph.compile.lookup`."""

UNIT = "run"
"""The name of the longest lifetime inside a run without a top-level `map`."""

VALUES = "values"
"""The `of` of a memory of values that exist."""

EARLIER_RUN = "an earlier run"
"""The `of` of a memory whose records an earlier run has made."""


@dataclass(frozen=True, slots=True)
class FromNode:
    """A value read from a node's output; always None if the node is off."""

    node: str
    field: str


@dataclass(frozen=True, slots=True)
class FromLoop:
    """A value read from a loop: the item of a `map`, or a part of it, or the counter (from 0) of a `repeat`."""

    name: str
    """The loop's name; for a part of its item followed by the keys, as in `case.query`."""


@dataclass(frozen=True, slots=True)
class FromData:
    """All items of an entry of `data`."""

    data: str


@dataclass(frozen=True, slots=True)
class FromParam:
    """The value of an entry of `params`."""

    param: str


Source: TypeAlias = FromNode | FromLoop | FromData | FromParam


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
    """Fields whose type is a view of a memory, with that memory's name (None: it is off)."""
    transcript: str | None
    memories: tuple[str, ...]
    inputs: Mapping[str, Source]
    """The source of each field of `cls.Inputs`."""
    outputs: type[NodeOutputs]
    lives: str
    """The loop in which the output is remembered, or the unit's name."""
    span: Span

    @property
    def model_calls(self) -> int:
        """The most model calls per run of the node."""
        return len(self.models)


@dataclass(frozen=True, slots=True)
class ModelTerms:
    """The terms on which a model is asked: what it costs, how much of it there is, and who is asked in its place."""

    prices: Prices | None = None
    budget: ModelBudget | None = None
    owner: str = ""
    """The model that states the budget: this one, or the one that it is a copy of."""
    other: str | None = None
    """The model that is asked in its place."""


@dataclass(frozen=True, slots=True)
class MemorySpec:
    """One definition in `memory:` that is on, resolved."""

    name: str
    memory: Any
    """A TranscriptMemory, RecordMemory or ValueMemory: a frozen object with its settings."""
    lives: str
    """A loop, the unit's name, or `forever`; of values `run`."""
    of: str | None
    """The type of its records, `EARLIER_RUN` or `VALUES`; None for messages."""
    like: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class CassetteSpec:
    """A folder in which model replies and tool results are recorded, or from which they are replayed."""

    path: Path
    """A folder."""
    mode: Literal["live", "record", "replay"]


@dataclass(frozen=True, slots=True)
class ResetSpec:
    """A call of `tool`, or a `command`, that brings the tools back to a known state before each pass of a loop."""

    before: str
    """A loop inside a unit, or the unit's name: then once, as it begins."""
    tool: str | None
    arguments: Mapping[str, Json] = field(hash=False)
    command: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class SubWorkflowSpec:
    """One `run:` block, resolved. It is also one of the nodes, whose outputs are the results of the run."""

    name: str
    file: Path
    workflow: Workflow = field(repr=False)
    """The sub-workflow as it was checked, with `<…>` for values that only the run knows."""
    begin: Callable[[Lookup], Workflow] = field(repr=False)
    """The sub-workflow with the values of the run. Raises `DiagnosticsError` if they make it wrong."""
    deferred: Mapping[str, Sequence[tuple[Expression, ScalarNode]]] = field(repr=False, hash=False)
    """Per path of `with`: the values that only the run knows, each with its place."""
    partial: bool
    """True if the caller goes on although some of its units failed."""
    result_type: type[Record] | None
    """The type of the record with which a sub-workflow of one unit ends."""
    span: Span


@dataclass(frozen=True, slots=True)
class Workflow:
    """One variant (or the base) of a workflow file, checked."""

    name: str
    variant: str | None
    about: str
    file: Path
    seed: int
    params: Mapping[str, Json]
    unit_map: Map | None
    """The top-level map, whose items are the units; None if the whole workflow is one unit."""
    blocks: tuple[Block, ...]
    """The blocks of one unit: the map's `do`, or the whole graph."""
    nodes: Mapping[str, NodeSpec]
    """The nodes in the graph that are on."""
    memories: Mapping[str, MemorySpec]
    records: Mapping[str, type[Record]]
    """The types of the records that the graph makes, by the name in `record:`."""
    models: Mapping[str, Any]
    """Each a frozen object with its settings; also those that no node asks."""
    tools: tuple[Any, ...]
    allow: tuple[str, ...] | Literal["ask"]
    """Effects, or names of tools, that the run may call besides tools that only read; `ask`: a person decides."""
    limits: Mapping[str, float]
    """The settings of `limits:` that the file states, see `ToolLimits`."""
    budget: Mapping[str, Json]
    """The settings of `budget:` that the file states, see `models.meter.Budget`."""
    lock: Mapping[str, Json] = field(repr=False)
    """The resolved workflow as plain data, which a resumed run must equal."""
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Per model: the settings that an environment variable may give, each with its variable."""
    sub_workflows: Mapping[str, SubWorkflowSpec] = field(default_factory=dict)
    """The sub-workflows that the graph runs; each is also one of `nodes`."""
    off: frozenset[str] = frozenset()
    """Nodes and memories that are off."""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """Values that no prompt, file or report may show."""
    cassette: CassetteSpec | None = None
    reset: ResetSpec | None = None
    request: VariantRequest | None = field(default=None, repr=False, compare=False)
    """The request that was checked, so that another process can check it again."""
    terms: Mapping[str, ModelTerms] = field(default_factory=dict)
    """Per model: what it costs, its own budget, and the model to ask in its place."""
    data: Mapping[str, DataSource] = field(default_factory=dict)
    items: Mapping[str, list[Json]] = field(default_factory=dict, repr=False)
    """The items of the sources in `data`, by name; empty until they are opened."""

    @property
    def asked_models(self) -> list[str]:
        """The names of the models that nodes ask, and of those that may be asked in their place."""
        found = dict.fromkeys(name for spec in self.nodes.values() for name in spec.models.values())
        for name in [*found]:
            found |= dict.fromkeys(self.fallbacks(name))
        return list(found)

    def fallbacks(self, name: str) -> list[str]:
        """The models to ask in place of another, in order."""
        found: list[str] = []
        while (terms := self.terms.get(name)) is not None and terms.other is not None:
            found.append(name := terms.other)
        return found

    @property
    def unit(self) -> str:
        """The name of the longest lifetime inside a run."""
        return self.unit_map.name if self.unit_map else UNIT
