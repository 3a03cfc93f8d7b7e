"""One arm (the base, or a variant) of a workflow: from its composed tree to a checked `Workflow`, or to findings."""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, cast, get_args

from ste_graph.contracts import DataSource, Json
from ste_graph.language.blocks import Block, Map, Repeat, walk
from ste_graph.language.calling import calling
from ste_graph.language.conditions import Conditions
from ste_graph.language.diagnostics import Span
from ste_graph.language.findings import Findings, one_of
from ste_graph.language.graph import GraphReader
from ste_graph.language.lock import lock_of
from ste_graph.language.memories import check_readers, memory_specs
from ste_graph.language.names import check_names, check_params
from ste_graph.language.nodes import NodeReader, output_of
from ste_graph.language.records import Unloaded, record_types
from ste_graph.language.resolution import Entries, resolve, when_on
from ste_graph.language.schema import Section
from ste_graph.language.scope import Place, innermost_common, occurrences, places, seats_of
from ste_graph.language.shape import Shaped, check_shape
from ste_graph.language.subworkflows import SubWorkflowReader, check_asked, gives_of, node_of
from ste_graph.language.tree import Mapping, Sequence
from ste_graph.language.vocabulary import Vocabulary
from ste_graph.language.workflow import UNIT, MemorySpec, NodeSpec, SubWorkflowSpec, Workflow
from ste_graph.node import NodeOutputs
from ste_graph.records import Record
from ste_graph.redaction import Redactor
from ste_graph.suggest import closest


def check_variant(
    tree: Mapping,
    before: Mapping,
    file: Path,
    variant: str | None,
    plugins: bool,
    findings: Findings,
    above: tuple[Path, ...] = (),
) -> Workflow | None:
    """Check one arm. None if it is wrong; then the findings say why.

    `before` is the tree without the variant: it tells what a node that is off would have given. `above` are the files
    that run this one as a sub-workflow.
    """
    shaped = check_shape(tree, findings)
    entries = resolve(shaped, plugins, findings)
    arm = _Arm(tree, shaped, before, file, variant, entries, plugins, above, findings)
    return arm.workflow()


@dataclass(frozen=True)
class _Arm:
    tree: Mapping
    shaped: Shaped
    before: Mapping
    file: Path
    variant: str | None
    entries: Entries
    plugins: bool
    above: tuple[Path, ...]
    findings: Findings

    def workflow(self) -> Workflow | None:
        check_names(self._keys("nodes"), self._keys("memory"), self.findings)
        check_params(self.shaped.tree.at(["params"]), self.findings)
        if not self._has_what_a_graph_needs():
            return None
        blocks = self.reader.blocks(self.shaped.tree.at(["graph"]), top=True)
        unit, body = self._unit(blocks)
        outputs = self._outputs()
        lives = self._lifetimes(body, unit, outputs)
        loops = {block.name: block for block, _ in walk(body) if isinstance(block, Repeat | Map)}
        vocabulary = Vocabulary(outputs, self.entries.off, self.params, loops, unit, self._keys("data"))
        seats = places(body, lives)
        if self._incomplete:  # what is left out may have given anything
            seats = [Place(seat.block, seat.around, frozenset(outputs)) for seat in seats]
        nodes = self._nodes(vocabulary, seats, lives)
        records = record_types(body, self.entries, self.findings)
        memories = self._memories(records, unit)
        conditions = Conditions(self.reader, vocabulary, self.findings)
        conditions.check(seats, records)
        conditions.check_likes(memories.values(), self.entries.memory, nodes.values(), seats)
        for sub in self.sub_workflows.values():
            for seat in seats_of(sub.name, seats):
                check_asked(sub, seat, vocabulary, self.findings)
        if unit is not None:
            conditions.check_units(unit, self._has_tools())
        entries = [entry for section in get_args(Section) for entry in self.entries.are(section).values()]
        stated = [(entry.settings, entry.tree) for entry in entries]
        called = calling(self.shaped.tree, stated, loops, unit.name if unit else UNIT, self.findings)
        if self.findings.failed:
            return None
        prompts = {f"{node.name}.{key}": prompt for node in nodes.values() for key, prompt in node.prompts.items()}
        secrets = called.secrets.union(*(sub.workflow.secrets for sub in self.sub_workflows.values()))
        runs = {name: dict(sub.workflow.lock) for name, sub in self.sub_workflows.items()}
        return Workflow(
            name=str(self._plain("name")),
            variant=self.variant,
            about=str(self._plain("about", "")),
            file=self.file,
            seed=self._plain("seed", 0),
            params=self.params,
            over=unit,
            blocks=body,
            nodes=nodes,
            memories=memories,
            records=records,
            models={name: entry.settings for name, entry in self.entries.models.items()},
            tools=tuple(entry.settings for entry in self.entries.tools.values()),
            allow=called.allow,
            limits={key: value for key, value in self._plain("limits", {}).items() if value is not None},
            budget={key: value for key, value in self._plain("budget", {}).items() if value is not None},
            lock=Redactor(secrets).redact_data(lock_of(self.tree, self.variant, self.entries, prompts, runs)),
            sub_workflows=self.sub_workflows,
            off=frozenset(self.entries.off),
            secrets=secrets,
            cassette=called.cassette,
            reset=called.reset,
            data={name: cast(DataSource, entry.settings) for name, entry in self.entries.data.items()},
        )

    @cached_property
    def params(self) -> ReadOnly[str, Json]:
        value = self.shaped.tree.at(["params"])
        return value.plain() if isinstance(value, Mapping) else {}

    @cached_property
    def reader(self) -> GraphReader:
        nodes, memory = self._keys("nodes"), self._keys("memory")
        off = {name for name in self.entries.off if name in nodes}
        return GraphReader(set(nodes), off, self.params, {**nodes, **memory}, self.findings)

    @cached_property
    def sub_workflows(self) -> dict[str, SubWorkflowSpec]:
        """The sub-workflows that are right; to be asked for once the graph was read."""
        names = frozenset(self.reader.names)
        files = (*self.above, self.file.resolve())
        reader = SubWorkflowReader(self.tree, names, self.params, files, self.plugins, self.findings)
        found = {name: reader.spec(name, tree, self.reader.names[name]) for name, tree in self.reader.runs.items()}
        return {name: sub for name, sub in found.items() if sub is not None}

    @property
    def _incomplete(self) -> bool:
        return self.reader.incomplete or not self.shaped.whole_graph

    def _plain(self, name: str, default: Json = None) -> Json:
        value = self.tree.at([name])
        return default if value is None else value.plain()

    def _keys(self, section: Literal["data", "nodes", "memory", "models"]) -> dict[str, Span]:
        """The names in a section, right or wrong, and their places."""
        value = self.tree.at([section])
        return {name: entry.key_span for name, entry in value.entries.items()} if isinstance(value, Mapping) else {}

    def _has_what_a_graph_needs(self) -> bool:
        """Whether the names that a graph may mention are known, right or wrong."""
        given = [self.tree.at([section]) for section in ("nodes", "memory", "params")]
        known = all(section is None or isinstance(section, Mapping) for section in given)
        return known and isinstance(self.shaped.tree.at(["graph"]), Sequence)

    def _has_tools(self) -> bool:
        """Whether there are tools, right or wrong."""
        unreadable = "tools" in self.tree.entries and "tools" not in self.shaped.tree.entries
        return bool(self.entries.tools or self.entries.broken("tools")) or unreadable

    # -- the graph -----------------------------------------------------------------------------------------------

    def _unit(self, blocks: tuple[Block, ...]) -> tuple[Map | None, tuple[Block, ...]]:
        """The map whose items are the units, and what one unit runs."""
        if not blocks and not self._incomplete:
            span = self.tree.span_of(["graph"], key=True)
            self.findings.error("E232", "nothing is left to run: all nodes are off", span)
        if len(blocks) == 1 and isinstance(blocks[0], Map):
            return blocks[0], blocks[0].do
        unbounded = [block for block in blocks if isinstance(block, Map) and block.bound is None]
        for block in unbounded:
            said = f"`map: {block.name}` stands beside other blocks at the top"
            legal = "one map alone, whose items are the units; or `at_most`, to run it in order inside one unit"
            self.findings.error("E233", said, block.span, expected=legal)
        self.reader.incomplete = self.reader.incomplete or bool(unbounded)
        return (unbounded[0], unbounded[0].do) if unbounded else (None, blocks)

    def _outputs(self) -> dict[str, type[NodeOutputs] | None]:
        """Per node of the graph, off or not, what it gives or would give if it were on; None if that is not known."""
        found: dict[str, type[NodeOutputs] | None] = {}
        for name, span in self._keys("nodes").items():
            if name not in self.reader.used and not self._incomplete:
                self.findings.warning("W222", f"node `{name}` does not stand in the graph", span)
                continue
            off = name in self.entries.off
            entry = when_on("nodes", name, self.before, self.entries) if off else self.entries.nodes.get(name)
            found[name] = output_of(entry, self.findings) if entry else None
        return found | {name: self._given_by(name) for name in self.reader.runs}

    def _given_by(self, sub: str) -> type[NodeOutputs] | None:
        """What a sub-workflow gives; None if it is wrong, or not known as its plugin was left alone."""
        return (
            gives_of(self.sub_workflows[sub])
            if sub in self.sub_workflows and self.sub_workflows[sub].result_type is not Unloaded
            else None
        )

    def _lifetimes(self, body: tuple[Block, ...], unit: Map | None, nodes: ReadOnly[str, object]) -> dict[str, str]:
        """Per node the loop, or the unit, in which its output is remembered."""
        longest = unit.name if unit else UNIT
        stands = occurrences(body)
        lives: dict[str, str] = {}
        for name in nodes:
            lives[name] = innermost_common(stands.get(name, []), longest)
            entry = self.entries.nodes.get(name)
            stated: str | None = entry.wiring.lives if entry else None
            if entry is None or stated is None or name not in stands:
                continue
            legal = {longest, *set.intersection(*(set(around) for around in stands[name]))}
            lives[name] = stated if stated in legal else lives[name]
            if stated not in legal:
                said = f"`{name}` cannot live in `{stated}`: that is no loop around every place where it stands"
                near = closest(stated, legal)
                span = entry.tree.span_of(["lives"])
                self.findings.error("E240", said, span, expected=one_of(legal, ""), suggestion=near)
        return lives

    # -- nodes and memories --------------------------------------------------------------------------------------

    def _nodes(self, vocabulary: Vocabulary, seats: list[Place], lives: ReadOnly[str, str]) -> dict[str, NodeSpec]:
        """The nodes that stand in the graph; the others are checked as far as that is possible."""
        reader = NodeReader(self.entries, vocabulary, self._holds(), self.findings)
        found: dict[str, NodeSpec] = {}
        for name, entry in self.entries.nodes.items():
            own = seats_of(name, seats)
            spec = reader.spec(entry, vocabulary.outputs.get(name), lives.get(name, ""), own)
            if own:
                found[name] = spec
        return found | {name: node_of(sub, lives[name]) for name, sub in self.sub_workflows.items()}

    def _holds(self) -> dict[str, str | None]:
        """Per memory, off or not, what it holds or would hold; None if that is not known."""
        found: dict[str, str | None] = {}
        for name in self._keys("memory"):
            off = name in self.entries.off
            entry = when_on("memory", name, self.before, self.entries) if off else self.entries.memory.get(name)
            found[name] = entry.cls.holds if entry else None
        return found

    def _memories(self, records: ReadOnly[str, type[Record]], unit: Map | None) -> dict[str, MemorySpec]:
        lifetimes = {unit.name if unit else UNIT, *self.reader.loops, *([UNIT] if self._incomplete else [])}
        known = None if self._incomplete else records
        memories = memory_specs(self.entries.memory, lifetimes, known, self.findings)
        mistyped = any(found.code == "E217" for found in self.findings.diagnostics)
        if not self._incomplete and not self.entries.broken("nodes") and not mistyped:
            # A reader that is off counts: turning it off is a change of the node, not of the memory.
            standing = [entry for name, entry in self.entries.nodes.items() if name in self.reader.used]
            resting = [when_on("nodes", name, self.before, self.entries) for name in self.reader.off]
            readers = [*standing, *(entry for entry in resting if entry is not None)]
            if None not in resting:
                check_readers(self.entries.memory.values(), readers, self.findings)
        return memories
