"""The check of one variant: a list of phases, each of which adds to a draft of the workflow, or reports problems.

A phase gets the draft so far and the findings, and returns the draft with more in it; None ends the check early, when
nothing that follows could be judged. Problems do not end it, so that a person sees all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias, cast, get_args

from ste_graph.contracts import DataSource, Json
from ste_graph.diagnostics import Span
from ste_graph.language import subworkflows
from ste_graph.language.blocks import Block, Map, Repeat, walk
from ste_graph.language.lock import build_lock
from ste_graph.language.sections import budgets
from ste_graph.language.sections import shape as shapes
from ste_graph.language.sections.calls import CallSections, read_call_sections
from ste_graph.language.sections.expression_checker import ExpressionChecker
from ste_graph.language.sections.graph import WITHOUT, Graph, GraphReader
from ste_graph.language.sections.memories import check_readers, memory_specs
from ste_graph.language.sections.models import CopiedModels, copy_models, variables_of
from ste_graph.language.sections.names import check_names, check_params
from ste_graph.language.sections.nodes import NodeReader, output_type
from ste_graph.language.sections.parallel import ParallelChecker
from ste_graph.language.sections.record_fields import RecordFieldWriter
from ste_graph.language.sections.records import UnloadedRecord, record_types
from ste_graph.language.sections.resolution import ResolvedEntries, resolve, resolve_when_on
from ste_graph.language.sections.schema import Section
from ste_graph.language.sections.scope import (
    Position,
    innermost_common_loop,
    list_positions,
    loops_around_nodes,
    positions_of,
)
from ste_graph.language.sections.shape import CheckedShape
from ste_graph.language.sections.vocabulary import Vocabulary
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.source.tree import MappingNode, SequenceNode
from ste_graph.language.subworkflows import SubWorkflowReader, check_deferred
from ste_graph.language.variant import VariantRequest
from ste_graph.language.workflow import UNIT, MemorySpec, ModelTerms, NodeSpec, SubWorkflowSpec, Workflow
from ste_graph.node import NodeOutputs
from ste_graph.records import Record
from ste_graph.redaction import Redactor
from ste_graph.suggest import closest


@dataclass(frozen=True, slots=True)
class Draft:
    """A variant on its way to a `Workflow`: the request, and the results of the phases so far."""

    request: VariantRequest
    shape: CheckedShape
    """The part of the tree that has the right shape."""
    copies: CopiedModels
    """The models without `like`."""
    entries: ResolvedEntries = field(default_factory=ResolvedEntries)
    graph: Graph = field(default_factory=Graph)
    unit: Map | None = None
    """The map whose items are the units."""
    body: tuple[Block, ...] = ()
    """The blocks of one unit."""
    is_incomplete: bool = False
    """True if a part of the graph is missing, so that it is not known what produces a value."""
    sub_workflows: Mapping[str, SubWorkflowSpec] = field(default_factory=dict)
    outputs: Mapping[str, type[NodeOutputs] | None] = field(default_factory=dict)
    """Per node of the graph, off or not: the type of its outputs; None if that is not known."""
    lives: Mapping[str, str] = field(default_factory=dict)
    """Per node of the graph: the loop, or the unit, in which its output is remembered."""
    vocabulary: Vocabulary = field(default_factory=lambda: Vocabulary({}, {}, {}, {}, None))
    positions: Sequence[Position] = ()
    nodes: Mapping[str, NodeSpec] = field(default_factory=dict)
    records: Mapping[str, type[Record]] = field(default_factory=dict)
    memories: Mapping[str, MemorySpec] = field(default_factory=dict)
    calls: CallSections = field(default_factory=CallSections)
    terms: Mapping[str, ModelTerms] = field(default_factory=dict)

    @property
    def asked(self) -> list[str]:
        """The models that nodes ask, and those that may be asked in their place."""
        return budgets.with_fallbacks(
            (name for node in self.nodes.values() for name in node.models.values()), self.terms
        )

    @property
    def params(self) -> MappingNode:
        """The section `params`, empty if it is missing or wrong."""
        value = self.shape.tree.at(["params"])
        return value if isinstance(value, MappingNode) else MappingNode({}, self.shape.tree.span)

    @property
    def loops(self) -> dict[str, Repeat | Map]:
        """The loops inside a unit."""
        return {block.name: block for block, _ in walk(self.body) if isinstance(block, Repeat | Map)}

    @property
    def longest_lifetime(self) -> str:
        """The name of the longest lifetime inside a run."""
        return self.unit.name if self.unit else UNIT

    def keys(self, section: Literal["data", "nodes", "memory"]) -> dict[str, Span]:
        """The names in a section, right or wrong, and their places."""
        value = self.request.tree.at([section])
        return {name: entry.key_span for name, entry in value.entries.items()} if isinstance(value, MappingNode) else {}

    def plain(self, name: str, default: Json = None) -> Json:
        """A section as plain data."""
        value = self.request.tree.at([name])
        return default if value is None else value.to_plain()


Phase: TypeAlias = Callable[[Draft, Findings], Draft | None]


def check_variant(request: VariantRequest, findings: Findings) -> Workflow | None:
    """Check one variant. None if it is wrong; the findings then say why."""
    draft = Draft(request, CheckedShape(request.tree, frozenset(), whole_graph=True), CopiedModels(request.tree))
    for phase in PHASES:
        more = phase(draft, findings)
        if more is None:
            return None
        draft = more
    return None if findings.has_errors else replace(build_workflow(draft), request=request)


def check_version(draft: Draft, findings: Findings) -> Draft | None:
    """The file is for this version of the language; in another one, other words may be legal."""
    return draft if shapes.check_version(draft.request.tree, findings) else None


def copy_likes(draft: Draft, findings: Findings) -> Draft:
    """Each model that is like another one is written out, now that the whole tree is composed."""
    copies = copy_models(draft.request.tree, findings)
    copies = replace(copies, tree=budgets.read_numbers(copies.tree, findings))
    return replace(draft, copies=copies, request=replace(draft.request, tree=copies.tree))


def check_shape(draft: Draft, findings: Findings) -> Draft:
    """Each section has the right shape; those that have not are left out."""
    return replace(draft, shape=shapes.check_shape(draft.request.tree, draft.copies.faulty, findings))


def resolve_entries(draft: Draft, findings: Findings) -> Draft:
    """Each entry with a `use:` has a class that accepts its settings."""
    entries = resolve(draft.shape, draft.request.plugins, findings, draft.copies.differing)
    tree = draft.request.tree
    for name, entry in entries.models.items():
        tree = tree.with_value(["models", name], entry.tree)
    return replace(draft, entries=entries, request=replace(draft.request, tree=tree))


def check_all_names(draft: Draft, findings: Findings) -> Draft | None:
    """Names of nodes, memories and params are legal; without these sections a graph cannot be read."""
    check_names(draft.keys("nodes"), draft.keys("memory"), findings)
    check_params(draft.shape.tree.at(["params"]), findings)
    sections = [draft.request.tree.at([section]) for section in ("nodes", "memory", "params")]
    are_known = all(section is None or isinstance(section, MappingNode) for section in sections)
    return draft if are_known and isinstance(draft.shape.tree.at(["graph"]), SequenceNode) else None


def write_out_records(draft: Draft, findings: Findings) -> Draft:
    """Each `as: NODE` names a node; its outputs are the fields of the record that have their names."""
    graph = draft.shape.tree.at(["graph"])
    if graph is None:
        return draft
    writer = RecordFieldWriter(list(draft.keys("nodes")), draft.entries, draft.request.base, findings)
    tree = draft.shape.tree.with_value(["graph"], writer.write_out(graph))
    is_whole = draft.shape.whole_graph and not writer.has_dropped_block
    return replace(draft, shape=replace(draft.shape, tree=tree, whole_graph=is_whole))


def read_graph(draft: Draft, findings: Findings) -> Draft:
    """The graph is a list of blocks that name defined nodes, and its loops are bounded."""
    nodes, memories = draft.keys("nodes"), draft.keys("memory")
    off = {name for name in draft.entries.off if name in nodes}
    reader = GraphReader(set(nodes), off, draft.params, {**nodes, **memories}, findings)
    graph = reader.read(draft.shape.tree.at(["graph"]))
    return replace(draft, graph=graph, is_incomplete=graph.is_incomplete or not draft.shape.whole_graph)


def find_units(draft: Draft, findings: Findings) -> Draft:
    """The units are the items of the one map at the top level, or the whole graph is one unit."""
    blocks = draft.graph.blocks
    if not blocks and not draft.is_incomplete:
        span = draft.request.tree.span_of(["graph"], key=True)
        findings.error("E232", "nothing to run: all nodes are off", span, expected="a node that is on")
    if len(blocks) == 1 and isinstance(blocks[0], Map):
        if (parallel := blocks[0].parallel) is not None:
            message = (
                "`parallel` is for loops inside a unit: the items of this map are units, which run side by side anyway"
            )
            findings.error(
                "E235", message, parallel.span, expected="no `parallel`; `--concurrency` bounds the requests"
            )
        return replace(draft, unit=blocks[0], body=blocks[0].do)
    for block in blocks:
        if isinstance(block, Map) and block.without_span is not None:
            findings.error("E233", WITHOUT, block.without_span, expected="`without` at the only block of the top level")
    unbounded = [block for block in blocks if isinstance(block, Map) and block.bound is None]
    for block in unbounded:
        message = f"`map: {block.name}` must be the only top-level block, or have `at_most`"
        help = "the items of the only map are units; `at_most` runs the map in order inside one unit"
        findings.error("E233", message, block.span, help=help)
    if unbounded:
        return replace(draft, unit=unbounded[0], body=unbounded[0].do, is_incomplete=True)
    return replace(draft, body=blocks)


def check_sub_workflows(draft: Draft, findings: Findings) -> Draft:
    """Each workflow that the graph runs is right, with the values that it is given."""
    graph = draft.graph
    faulty, params = draft.entries.faulty_names("models"), draft.params.to_plain()
    reader = SubWorkflowReader(draft.request, frozenset(graph.names), params, faulty, check_variant, findings)
    found = {name: reader.spec(name, tree, graph.names[name]) for name, tree in graph.runs.items()}
    return replace(draft, sub_workflows={name: spec for name, spec in found.items() if spec is not None})


def find_outputs(draft: Draft, findings: Findings) -> Draft:
    """Each defined node is in the graph, and the type of its outputs is known, even of one that is off."""
    outputs: dict[str, type[NodeOutputs] | None] = {}
    for name, span in draft.keys("nodes").items():
        if name not in draft.graph.used and not draft.is_incomplete:
            findings.warning("W222", f"node `{name}` is defined but not used in `graph:`", span)
            continue
        off, entry = name in draft.entries.off, draft.entries.nodes.get(name)
        if off:
            entry = resolve_when_on("nodes", name, draft.request.base, draft.entries)
        outputs[name] = output_type(entry, findings) if entry else None
        if (own := outputs[name]) is not None and not own.model_fields and not off:
            help = "give its class a `class Outputs(ste.NodeOutputs)`"
            findings.warning("W224", f"node `{name}` has no outputs", span, help=help)
    for name in draft.graph.runs:
        spec = draft.sub_workflows.get(name)
        is_known = spec is not None and spec.result_type is not UnloadedRecord
        outputs[name] = subworkflows.output_type(spec) if spec is not None and is_known else None
    return replace(draft, outputs=outputs)


def find_lifetimes(draft: Draft, findings: Findings) -> Draft:
    """Each node's output lives in a loop around all its positions, by default in the innermost one."""
    longest = draft.longest_lifetime
    around = loops_around_nodes(draft.body)
    lives: dict[str, str] = {}
    for name in draft.outputs:
        lives[name] = innermost_common_loop(around.get(name, []), longest)
        entry = draft.entries.nodes.get(name)
        stated: str | None = entry.wiring.lives if entry else None
        if entry is None or stated is None or name not in around:
            continue
        legal = {longest, *set.intersection(*(set(loops) for loops in around[name]))}
        if stated in legal:
            lives[name] = stated
        else:
            message = f"`{name}` cannot live in `{stated}`: that loop is not around all its positions"
            span, near = entry.tree.span_of(["lives"]), closest(stated, legal)
            findings.error("E240", message, span, expected=one_of(legal, ""), suggestion=near)
    return replace(draft, lives=lives)


def find_positions(draft: Draft, findings: Findings) -> Draft:
    """The names that can be read, and the values that are certainly available at each position."""
    vocabulary = Vocabulary(
        draft.outputs,
        draft.entries.off,
        draft.params.to_plain(),
        draft.loops,
        draft.unit,
        draft.keys("data"),
        draft.params,
    )
    positions = list_positions(draft.body, draft.lives)
    if draft.is_incomplete:  # the missing part may have produced anything
        positions = [replace(position, available=frozenset(draft.outputs)) for position in positions]
    return replace(draft, vocabulary=vocabulary, positions=positions)


def check_nodes(draft: Draft, findings: Findings) -> Draft:
    """Each node finds its models, prompts, memories and inputs; one outside the graph is checked as far as possible."""
    holds: dict[str, str | None] = {}
    for name in draft.keys("memory"):
        memory = draft.entries.memory.get(name)
        if name in draft.entries.off:
            memory = resolve_when_on("memory", name, draft.request.base, draft.entries)
        holds[name] = memory.cls.holds if memory else None
    reader = NodeReader(draft.entries, draft.vocabulary, holds, findings)
    nodes: dict[str, NodeSpec] = {}
    for name, entry in draft.entries.nodes.items():
        own = positions_of(name, draft.positions)
        spec = reader.spec(entry, draft.outputs.get(name), draft.lives.get(name, ""), own)
        if own:
            nodes[name] = spec
    for name, sub_workflow in draft.sub_workflows.items():
        nodes[name] = subworkflows.node_spec(sub_workflow, draft.lives[name])
    return replace(draft, nodes=nodes)


def check_memories(draft: Draft, findings: Findings) -> Draft:
    """Each memory has a lifetime, holds records that the graph makes, and is used."""
    records = record_types(draft.body, draft.entries, findings)
    lifetimes = {draft.longest_lifetime, *draft.graph.loops, *([UNIT] if draft.is_incomplete else [])}
    memories = memory_specs(draft.entries.memory, lifetimes, None if draft.is_incomplete else records, findings)
    has_unknown_memory = any(found.code == "E217" for found in findings.diagnostics)
    if not draft.is_incomplete and not draft.entries.faulty_names("nodes") and not has_unknown_memory:
        # A reader that is off counts: turning it off is a change of the node, not of the memory.
        used, entries = draft.graph.used, draft.entries
        on = [entry for name, entry in entries.nodes.items() if name in used]
        off = [
            resolve_when_on("nodes", name, draft.request.base, entries)
            for name in draft.keys("nodes")
            if name in entries.off
        ]
        readers = [*on, *(entry for entry in off if entry is not None)]
        if None not in off:
            check_readers(entries.memory.values(), readers, findings)
    return replace(draft, records=records, memories=memories)


def check_expressions(draft: Draft, findings: Findings) -> Draft:
    """Each expression reads names that exist at its position, by their types."""
    checker = ExpressionChecker(draft.graph, draft.vocabulary, findings)
    checker.check_blocks(draft.positions, draft.records)
    checker.check_likes(draft.memories.values(), draft.entries.memory, draft.nodes.values(), draft.positions)
    for sub_workflow in draft.sub_workflows.values():
        for position in positions_of(sub_workflow.name, draft.positions):
            check_deferred(sub_workflow, position, draft.vocabulary, findings)
    if draft.unit is not None:
        shape, entries = draft.shape.tree.entries, draft.entries
        is_unreadable = "tools" in draft.request.tree.entries and "tools" not in shape
        checker.check_units(draft.unit, bool(entries.tools or entries.faulty_names("tools")) or is_unreadable)
    return draft


def check_calls(draft: Draft, findings: Findings) -> Draft:
    """The sections `allow`, `redact`, `cassette` and `reset` name things that exist."""
    sections = [draft.entries.section(section) for section in get_args(Section)]
    settings = [(entry.settings, entry.tree) for entries in sections for entry in entries.values()]
    calls = read_call_sections(draft.shape.tree, settings, draft.loops, draft.longest_lifetime, findings)
    return replace(draft, calls=calls)


def check_budget(draft: Draft, findings: Findings) -> Draft:
    """Each model has another to be asked in its place, or none; budgets are of things that exist and can be counted."""
    models, faulty = draft.entries.models, draft.entries.faulty_names("models")
    terms = budgets.read_terms(models, draft.copies.owners, faulty, findings)
    draft = replace(draft, terms=terms)
    asked = [name for name in draft.asked if name in terms]
    scopes = {draft.longest_lifetime, *draft.loops}
    section = draft.shape.tree.at(["budget"])
    if not findings.has_errors or section is not None:
        budgets.check_budget(section, scopes, models, terms, asked, draft.sub_workflows, findings)
    return draft


def check_parallel(draft: Draft, findings: Findings) -> Draft:
    """Passes that run side by side share nothing that goes from one to the next."""
    if draft.is_incomplete or findings.has_errors:
        return draft
    checker = ParallelChecker(draft.body, draft.nodes, draft.memories, draft.sub_workflows, draft.lives, findings)
    limits = draft.plain("limits") or {}
    checker.check(has_reset=draft.calls.reset is not None, limits_calls=limits.get("calls") is not None)
    return draft


PHASES: Final[tuple[Phase, ...]] = (
    check_version,
    copy_likes,
    check_shape,
    resolve_entries,
    check_all_names,
    write_out_records,
    read_graph,
    find_units,
    check_sub_workflows,
    find_outputs,
    find_lifetimes,
    find_positions,
    check_nodes,
    check_memories,
    check_expressions,
    check_calls,
    check_budget,
    check_parallel,
)
"""The phases in their order; each needs the results of those before it."""


def build_workflow(draft: Draft) -> Workflow:
    """The workflow of a draft without errors."""
    entries, calls, request = draft.entries, draft.calls, draft.request
    prompts = {f"{node.name}.{key}": prompt for node in draft.nodes.values() for key, prompt in node.prompts.items()}
    secrets = calls.secrets.union(*(sub.workflow.secrets for sub in draft.sub_workflows.values()))
    runs = {name: dict(sub.workflow.lock) for name, sub in draft.sub_workflows.items()}
    asked = set(draft.asked)
    return Workflow(
        name=str(draft.plain("name")),
        variant=request.variant,
        about=str(draft.plain("about", "")),
        file=request.file,
        seed=draft.plain("seed", 0),
        params=draft.params.to_plain(),
        unit_map=draft.unit,
        blocks=draft.body,
        nodes=draft.nodes,
        memories=draft.memories,
        records=draft.records,
        models={name: entry.settings for name, entry in entries.models.items()},
        variables={name: variables_of(entry.tree) for name, entry in entries.models.items()},
        tools=tuple(entry.settings for entry in entries.tools.values()),
        allow=calls.allow,
        limits={key: value for key, value in draft.plain("limits", {}).items() if value is not None},
        budget={key: value for key, value in draft.plain("budget", {}).items() if value is not None},
        lock=Redactor(secrets).redact_data(build_lock(request.tree, request.variant, entries, prompts, asked, runs)),
        sub_workflows=draft.sub_workflows,
        off=frozenset(entries.off),
        secrets=secrets,
        cassette=calls.cassette,
        reset=calls.reset,
        terms=draft.terms,
        data={name: cast(DataSource, entry.settings) for name, entry in entries.data.items()},
    )
