"""The check of one variant: a list of phases, each of which adds to what is known of the workflow, or reports problems.

Problems do not end the check, so that a person sees all of them at once. Only a phase that returns False ends it early,
when nothing that follows could be judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, cast, get_args

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
from ste_graph.language.sections.resolution import EntryResolver, ResolvedEntries, resolve_when_on
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


class VariantCheck:
    """The check of one variant: the results of its phases so far, and the problems that they found."""

    def __init__(self, request: VariantRequest, findings: Findings) -> None:
        self.request = request
        self.findings = findings
        self.shape = CheckedShape(request.tree, frozenset(), whole_graph=True)
        """The part of the tree that has the right shape."""
        self.copies = CopiedModels(request.tree)
        """The models without `like`."""
        self.entries = ResolvedEntries()
        self.graph = Graph()
        self.unit: Map | None = None
        """The map whose items are the units."""
        self.body: tuple[Block, ...] = ()
        """The blocks of one unit."""
        self.is_incomplete = False
        """True if a part of the graph is missing, so that it is not known what produces a value."""
        self.sub_workflows: Mapping[str, SubWorkflowSpec] = {}
        self.outputs: dict[str, type[NodeOutputs] | None] = {}
        """Per node of the graph, off or not: the type of its outputs; None if that is not known."""
        self.lives: dict[str, str] = {}
        """Per node of the graph: the loop, or the unit, in which its output is remembered."""
        self.vocabulary = Vocabulary({}, {}, {}, {}, None)
        self.positions: Sequence[Position] = ()
        self.nodes: dict[str, NodeSpec] = {}
        self.records: Mapping[str, type[Record]] = {}
        self.memories: Mapping[str, MemorySpec] = {}
        self.calls = CallSections()
        self.terms: Mapping[str, ModelTerms] = {}

    @classmethod
    def check(cls, request: VariantRequest, findings: Findings) -> Workflow | None:
        """Check one variant. None if it is wrong; the findings then say why."""
        check = cls(request, findings)
        for phase in PHASES:
            if phase(check) is False:
                return None
        return None if findings.has_errors else replace(check.build_workflow(), request=request)

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

    def check_version(self) -> bool:
        """The file is for this version of the language; in another one, other words may be legal."""
        return shapes.check_version(self.request.tree, self.findings)

    def copy_likes(self) -> None:
        """Each model that is like another one is written out, now that the whole tree is composed."""
        copies = copy_models(self.request.tree, self.findings)
        self.copies = replace(copies, tree=budgets.read_numbers(copies.tree, self.findings))
        self.request = replace(self.request, tree=self.copies.tree)

    def check_shape(self) -> None:
        """Each section has the right shape; those that have not are left out."""
        self.shape = shapes.check_shape(self.request.tree, self.copies.faulty, self.findings)

    def resolve_entries(self) -> None:
        """Each entry with a `use:` has a class that accepts its settings."""
        plugins, differing = self.request.plugins, self.copies.differing
        self.entries = EntryResolver.resolve_all(self.shape, plugins, self.findings, differing)
        tree = self.request.tree
        for name, entry in self.entries.models.items():
            tree = tree.with_value(["models", name], entry.tree)
        self.request = replace(self.request, tree=tree)

    def check_all_names(self) -> bool:
        """Names of nodes, memories and params are legal; without these sections a graph cannot be read."""
        check_names(self.keys("nodes"), self.keys("memory"), self.findings)
        check_params(self.shape.tree.at(["params"]), self.findings)
        sections = [self.request.tree.at([section]) for section in ("nodes", "memory", "params")]
        are_known = all(section is None or isinstance(section, MappingNode) for section in sections)
        return are_known and isinstance(self.shape.tree.at(["graph"]), SequenceNode)

    def write_out_records(self) -> None:
        """Each `as: NODE` names a node; its outputs are the fields of the record that have their names."""
        graph = self.shape.tree.at(["graph"])
        if graph is None:
            return
        writer = RecordFieldWriter(list(self.keys("nodes")), self.entries, self.request.base, self.findings)
        tree = self.shape.tree.with_value(["graph"], writer.write_out(graph))
        is_whole = self.shape.whole_graph and not writer.has_dropped_block
        self.shape = replace(self.shape, tree=tree, whole_graph=is_whole)

    def read_graph(self) -> None:
        """The graph is a list of blocks that name defined nodes, and its loops are bounded."""
        nodes, memories = self.keys("nodes"), self.keys("memory")
        off = {name for name in self.entries.off if name in nodes}
        reader = GraphReader(set(nodes), off, self.params, {**nodes, **memories}, self.findings)
        self.graph = reader.read(self.shape.tree.at(["graph"]))
        self.is_incomplete = self.graph.is_incomplete or not self.shape.whole_graph

    def find_units(self) -> None:
        """The units are the items of the one map at the top level, or the whole graph is one unit."""
        blocks = self.graph.blocks
        if not blocks and not self.is_incomplete:
            span = self.request.tree.span_of(["graph"], key=True)
            self.findings.error("E232", "nothing to run: all nodes are off", span, expected="a node that is on")
        if len(blocks) == 1 and isinstance(blocks[0], Map):
            if (parallel := blocks[0].parallel) is not None:
                message = (
                    "`parallel` is for loops inside a unit: "
                    "the items of this map are units, which run side by side anyway"
                )
                expected = "no `parallel`; `--concurrency` bounds the requests"
                self.findings.error("E235", message, parallel.span, expected=expected)
            self.unit, self.body = blocks[0], blocks[0].do
            return
        for block in blocks:
            if isinstance(block, Map) and block.without_span is not None:
                expected = "`without` at the only block of the top level"
                self.findings.error("E233", WITHOUT, block.without_span, expected=expected)
        unbounded = [block for block in blocks if isinstance(block, Map) and block.bound is None]
        for block in unbounded:
            message = f"`map: {block.name}` must be the only top-level block, or have `at_most`"
            help = "the items of the only map are units; `at_most` runs the map in order inside one unit"
            self.findings.error("E233", message, block.span, help=help)
        if unbounded:
            self.unit, self.body, self.is_incomplete = unbounded[0], unbounded[0].do, True
        else:
            self.body = blocks

    def check_sub_workflows(self) -> None:
        """Each workflow that the graph runs is right, with the values that it is given."""
        graph = self.graph
        faulty, params = self.entries.faulty_names("models"), self.params.to_plain()
        check, names = VariantCheck.check, frozenset(graph.names)
        reader = SubWorkflowReader(self.request, names, params, faulty, check, self.findings)
        found = {name: reader.spec(name, tree, graph.names[name]) for name, tree in graph.runs.items()}
        self.sub_workflows = {name: spec for name, spec in found.items() if spec is not None}

    def find_outputs(self) -> None:
        """Each defined node is in the graph, and the type of its outputs is known, even of one that is off."""
        outputs = self.outputs
        for name, span in self.keys("nodes").items():
            if name not in self.graph.used and not self.is_incomplete:
                self.findings.warning("W222", f"node `{name}` is defined but not used in `graph:`", span)
                continue
            off, entry = name in self.entries.off, self.entries.nodes.get(name)
            if off:
                entry = resolve_when_on("nodes", name, self.request.base, self.entries)
            outputs[name] = output_type(entry, self.findings) if entry else None
            if (own := outputs[name]) is not None and not own.model_fields and not off:
                help = "give its class a `class Outputs(ste.NodeOutputs)`"
                self.findings.warning("W224", f"node `{name}` has no outputs", span, help=help)
        for name in self.graph.runs:
            spec = self.sub_workflows.get(name)
            is_known = spec is not None and spec.result_type is not UnloadedRecord
            outputs[name] = subworkflows.sub_workflow_output_type(spec) if spec is not None and is_known else None

    def find_lifetimes(self) -> None:
        """Each node's output lives in a loop around all its positions, by default in the innermost one."""
        longest = self.longest_lifetime
        around = loops_around_nodes(self.body)
        lives = self.lives
        for name in self.outputs:
            lives[name] = innermost_common_loop(around.get(name, []), longest)
            entry = self.entries.nodes.get(name)
            stated: str | None = entry.wiring.lives if entry else None
            if entry is None or stated is None or name not in around:
                continue
            legal = {longest, *set.intersection(*(set(loops) for loops in around[name]))}
            if stated in legal:
                lives[name] = stated
            else:
                message = f"`{name}` cannot live in `{stated}`: that loop is not around all its positions"
                span, near = entry.tree.span_of(["lives"]), closest(stated, legal)
                self.findings.error("E240", message, span, expected=one_of(legal, ""), suggestion=near)

    def find_positions(self) -> None:
        """The names that can be read, and the values that are certainly available at each position."""
        self.vocabulary = Vocabulary(
            self.outputs,
            self.entries.off,
            self.params.to_plain(),
            self.loops,
            self.unit,
            self.keys("data"),
            self.params,
        )
        positions = list_positions(self.body, self.lives)
        if self.is_incomplete:  # the missing part may have produced anything
            positions = [replace(position, available=frozenset(self.outputs)) for position in positions]
        self.positions = positions

    def check_nodes(self) -> None:
        """Each node finds models, prompts, memories and inputs; one outside the graph is checked as far as possible."""
        holds: dict[str, str | None] = {}
        for name in self.keys("memory"):
            memory = self.entries.memory.get(name)
            if name in self.entries.off:
                memory = resolve_when_on("memory", name, self.request.base, self.entries)
            holds[name] = memory.cls.holds if memory else None
        reader = NodeReader(self.entries, self.vocabulary, holds, self.findings)
        for name, entry in self.entries.nodes.items():
            own = positions_of(name, self.positions)
            spec = reader.spec(entry, self.outputs.get(name), self.lives.get(name, ""), own)
            if own:
                self.nodes[name] = spec
        for name, sub_workflow in self.sub_workflows.items():
            self.nodes[name] = subworkflows.node_spec(sub_workflow, self.lives[name])

    def check_memories(self) -> None:
        """Each memory has a lifetime, holds records that the graph makes, and is used."""
        self.records = records = record_types(self.body, self.entries, self.findings)
        lifetimes = {self.longest_lifetime, *self.graph.loops, *([UNIT] if self.is_incomplete else [])}
        known = None if self.is_incomplete else records
        self.memories = memory_specs(self.entries.memory, lifetimes, known, self.findings)
        has_unknown_memory = any(found.code == "E217" for found in self.findings.diagnostics)
        if not self.is_incomplete and not self.entries.faulty_names("nodes") and not has_unknown_memory:
            # A reader that is off counts: turning it off is a change of the node, not of the memory.
            used, entries = self.graph.used, self.entries
            on = [entry for name, entry in entries.nodes.items() if name in used]
            off = [
                resolve_when_on("nodes", name, self.request.base, entries)
                for name in self.keys("nodes")
                if name in entries.off
            ]
            readers = [*on, *(entry for entry in off if entry is not None)]
            if None not in off:
                check_readers(entries.memory.values(), readers, self.findings)

    def check_expressions(self) -> None:
        """Each expression reads names that exist at its position, by their types."""
        checker = ExpressionChecker(self.graph, self.vocabulary, self.findings)
        checker.check_blocks(self.positions, self.records)
        checker.check_likes(self.memories.values(), self.entries.memory, self.nodes.values(), self.positions)
        for sub_workflow in self.sub_workflows.values():
            for position in positions_of(sub_workflow.name, self.positions):
                check_deferred(sub_workflow, position, self.vocabulary, self.findings)
        if self.unit is not None:
            shape, entries = self.shape.tree.entries, self.entries
            is_unreadable = "tools" in self.request.tree.entries and "tools" not in shape
            checker.check_units(self.unit, bool(entries.tools or entries.faulty_names("tools")) or is_unreadable)

    def check_calls(self) -> None:
        """The sections `allow`, `redact`, `cassette` and `reset` name things that exist."""
        sections = [self.entries.section(section) for section in get_args(Section)]
        settings = [(entry.settings, entry.tree) for entries in sections for entry in entries.values()]
        longest = self.longest_lifetime
        self.calls = read_call_sections(self.shape.tree, settings, self.loops, longest, self.findings)

    def check_budget(self) -> None:
        """Each model has another to be asked in its place, or none; budgets are of things that can be counted."""
        models, faulty = self.entries.models, self.entries.faulty_names("models")
        self.terms = terms = budgets.read_terms(models, self.copies.owners, faulty, self.findings)
        asked = [name for name in self.asked if name in terms]
        scopes = {self.longest_lifetime, *self.loops}
        section = self.shape.tree.at(["budget"])
        if not self.findings.has_errors or section is not None:
            budgets.check_budget(section, scopes, models, terms, asked, self.sub_workflows, self.findings)

    def check_parallel(self) -> None:
        """Passes that run side by side share nothing that goes from one to the next."""
        if self.is_incomplete or self.findings.has_errors:
            return
        checker = ParallelChecker(self.body, self.nodes, self.memories, self.sub_workflows, self.lives, self.findings)
        limits = self.plain("limits") or {}
        checker.check(has_reset=self.calls.reset is not None, limits_calls=limits.get("calls") is not None)

    def build_workflow(self) -> Workflow:
        """The workflow, if there are no errors."""
        entries, calls, request = self.entries, self.calls, self.request
        prompts = {f"{node.name}.{key}": prompt for node in self.nodes.values() for key, prompt in node.prompts.items()}
        secrets = calls.secrets.union(*(sub.workflow.secrets for sub in self.sub_workflows.values()))
        runs = {name: dict(sub.workflow.lock) for name, sub in self.sub_workflows.items()}
        lock = build_lock(request.tree, request.variant, entries, prompts, set(self.asked), runs)
        return Workflow(
            name=str(self.plain("name")),
            variant=request.variant,
            about=str(self.plain("about", "")),
            file=request.file,
            seed=self.plain("seed", 0),
            params=self.params.to_plain(),
            unit_map=self.unit,
            blocks=self.body,
            nodes=self.nodes,
            memories=self.memories,
            records=self.records,
            models={name: entry.settings for name, entry in entries.models.items()},
            variables={name: variables_of(entry.tree) for name, entry in entries.models.items()},
            tools=tuple(entry.settings for entry in entries.tools.values()),
            allow=calls.allow,
            limits={key: value for key, value in self.plain("limits", {}).items() if value is not None},
            budget={key: value for key, value in self.plain("budget", {}).items() if value is not None},
            lock=Redactor(secrets).redact_data(lock),
            sub_workflows=self.sub_workflows,
            off=frozenset(entries.off),
            secrets=secrets,
            cassette=calls.cassette,
            reset=calls.reset,
            terms=self.terms,
            data={name: cast(DataSource, entry.settings) for name, entry in entries.data.items()},
        )


PHASES: Final[tuple[Callable[[VariantCheck], bool | None], ...]] = (
    VariantCheck.check_version,
    VariantCheck.copy_likes,
    VariantCheck.check_shape,
    VariantCheck.resolve_entries,
    VariantCheck.check_all_names,
    VariantCheck.write_out_records,
    VariantCheck.read_graph,
    VariantCheck.find_units,
    VariantCheck.check_sub_workflows,
    VariantCheck.find_outputs,
    VariantCheck.find_lifetimes,
    VariantCheck.find_positions,
    VariantCheck.check_nodes,
    VariantCheck.check_memories,
    VariantCheck.check_expressions,
    VariantCheck.check_calls,
    VariantCheck.check_budget,
    VariantCheck.check_parallel,
)
"""The phases in their order; each needs the results of those before it."""
