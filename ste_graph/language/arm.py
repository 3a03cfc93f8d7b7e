"""One arm (the base, or a variant) of a workflow: from its composed tree to a checked `Workflow`, or to findings."""

from __future__ import annotations

import warnings
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from functools import cached_property
from keyword import iskeyword
from pathlib import Path
from typing import Literal, get_args

from ste_graph.contracts import Json
from ste_graph.language.blocks import Block, Keep, Map, Repeat, When, walk
from ste_graph.language.calling import calling
from ste_graph.language.diagnostics import Span, closest
from ste_graph.language.entries import Section
from ste_graph.language.findings import Findings, one_of
from ste_graph.language.graph import ONE_NAME_SPACE, GraphReader
from ste_graph.language.lock import lock_of
from ste_graph.language.memories import check_readers, memory_specs
from ste_graph.language.nodes import NodeReader
from ste_graph.language.plugins import fault
from ste_graph.language.records import check_record, record_types
from ste_graph.language.resolution import Entries, Resolved, Unloaded, resolve, when_on
from ste_graph.language.schema import RESERVED
from ste_graph.language.scope import Place, innermost_common, occurrences, places, seats_of
from ste_graph.language.shape import Shaped, check_shape
from ste_graph.language.tree import Mapping, Sequence, Tree
from ste_graph.language.types import BOOL, LIST, STR
from ste_graph.language.values import is_environment
from ste_graph.language.vocabulary import Vocabulary
from ste_graph.language.workflow import UNIT, MemorySpec, NodeSpec, Workflow
from ste_graph.node import Output
from ste_graph.redaction import Redactor


def check_arm(
    tree: Mapping, before: Mapping, file: Path, variant: str | None, plugins: bool, findings: Findings
) -> Workflow | None:
    """Check one arm. None if it is wrong; then the findings say why.

    `before` is the tree without the variant: it tells what a node that is off would have given.
    """
    shaped = check_shape(tree, findings)
    entries = resolve(shaped, plugins, findings)
    arm = _Arm(tree, shaped, before, file, variant, entries, findings)
    return arm.workflow()


@dataclass(frozen=True)
class _Arm:
    tree: Mapping
    shaped: Shaped
    before: Mapping
    file: Path
    variant: str | None
    entries: Entries
    findings: Findings

    def workflow(self) -> Workflow | None:
        self._check_names()
        self._check_params(self.shaped.tree.at(["params"]))
        if not self._has_what_a_graph_needs():
            return None
        blocks = self.reader.blocks(self.shaped.tree.at(["graph"]), top=True)
        unit, body = self._unit(blocks)
        outputs = self._outputs()
        lives = self._lifetimes(body, unit, outputs)
        loops = {block.name: block for block, _ in walk(body) if isinstance(block, Repeat | Map)}
        vocabulary = Vocabulary(outputs, self.entries.off, self.params, loops, unit)
        seats = places(body, lives)
        if self._incomplete:  # what is left out may have given anything
            seats = [Place(seat.block, seat.around, frozenset(outputs)) for seat in seats]
        nodes = self._nodes(vocabulary, seats, lives)
        memories = self._memories(body, unit)
        self._check_expressions(body, vocabulary, seats, unit, memories, nodes)
        entries = [entry for section in get_args(Section) for entry in self.entries.are(section).values()]
        stated = [(entry.settings, entry.tree) for entry in entries]
        called = calling(self.shaped.tree, stated, loops, unit.name if unit else UNIT, self.findings)
        if self.findings.failed:
            return None
        prompts = {f"{node.name}.{key}": prompt for node in nodes.values() for key, prompt in node.prompts.items()}
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
            models={name: entry.settings for name, entry in self.entries.models.items()},
            tools=tuple(entry.settings for entry in self.entries.tools.values()),
            allow=called.allow,
            limits={key: value for key, value in self._plain("limits", {}).items() if value is not None},
            budget={key: value for key, value in self._plain("budget", {}).items() if value is not None},
            lock=Redactor(called.secrets).data(lock_of(self.tree, self.variant, self.entries, prompts)),
            off=frozenset(self.entries.off),
            secrets=called.secrets,
            cassette=called.cassette,
            reset=called.reset,
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

    @property
    def _incomplete(self) -> bool:
        return self.reader.incomplete or not self.shaped.whole_graph

    def _plain(self, name: str, default: Json = None) -> Json:
        value = self.tree.at([name])
        return default if value is None else value.plain()

    def _keys(self, section: Literal["nodes", "memory", "models"]) -> dict[str, Span]:
        """The names in a section, right or wrong, and their places."""
        value = self.tree.at([section])
        return {name: entry.key_span for name, entry in value.entries.items()} if isinstance(value, Mapping) else {}

    # -- names and params ----------------------------------------------------------------------------------------

    def _check_names(self) -> None:
        nodes, memory = self._keys("nodes"), self._keys("memory")
        for name, span in (*nodes.items(), *memory.items()):
            if name in RESERVED:
                self.findings.error("E221", f"`{name}` is reserved", span, expected="another name")
        for name in nodes.keys() & memory.keys():
            related = ((nodes[name], "it stands here already"),)
            said = f"the name `{name}` is taken"
            self.findings.error("E221", said, memory[name], expected=ONE_NAME_SPACE, related=related)

    def _check_params(self, tree: Tree | None) -> None:
        """No environment variable may hide in `params`: its value would stand in the lock and in prompts."""
        if tree is not None and is_environment(tree):
            said = "an environment variable may not stand here"
            self.findings.error("E503", said, tree.span, expected="a plain value")
        for inner in _inside(tree):
            self._check_params(inner)

    def _has_what_a_graph_needs(self) -> bool:
        """Whether the names that a graph may mention are known, right or wrong."""
        given = [self.tree.at([section]) for section in ("nodes", "memory", "params")]
        known = all(section is None or isinstance(section, Mapping) for section in given)
        return known and isinstance(self.shaped.tree.at(["graph"]), Sequence)

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

    def _outputs(self) -> dict[str, type[Output] | None]:
        """Per node of the graph, off or not, what it gives or would give if it were on; None if that is not known."""
        found: dict[str, type[Output] | None] = {}
        for name, span in self._keys("nodes").items():
            if name not in self.reader.used:
                if not self._incomplete:
                    self.findings.warning("W222", f"node `{name}` does not stand in the graph", span)
                    continue
            off = name in self.entries.off
            entry = when_on("nodes", name, self.before, self.entries) if off else self.entries.nodes.get(name)
            found[name] = self._gives(entry) if entry else None
        return found

    def _gives(self, entry: Resolved) -> type[Output] | None:
        if entry.cls is Unloaded:
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # such as pydantic's for an output called `copy`
                gives: type[Output] = entry.cls.outputs(entry.settings.model_dump())
        except ValueError as error:
            self.findings.error("E203", f"`{entry.name}`: {error}", entry.tree.span_of(["gives"]))
            return None
        except Exception as error:  # a plugin's own code
            said = f"`{entry.name}` cannot say what it gives: {fault(error)}"
            self.findings.error("E502", said, entry.tree.span_of(["use"]))
            return None
        for name in gives.model_fields:
            if not name.isidentifier() or iskeyword(name):
                said = f"`{entry.name}` gives `{name}`, which expressions cannot name"
                self.findings.error(
                    "E203", said, entry.tree.span_of(["gives", name], key=True), expected="another name"
                )
        return gives

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
        return found

    def _holds(self) -> dict[str, str | None]:
        """Per memory, off or not, what it holds or would hold; None if that is not known."""
        found: dict[str, str | None] = {}
        for name in self._keys("memory"):
            off = name in self.entries.off
            entry = when_on("memory", name, self.before, self.entries) if off else self.entries.memory.get(name)
            found[name] = entry.cls.holds if entry else None
        return found

    def _memories(self, body: tuple[Block, ...], unit: Map | None) -> dict[str, MemorySpec]:
        records = record_types(body, self.findings)
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

    # -- expressions ---------------------------------------------------------------------------------------------

    def _check_expressions(
        self,
        body: tuple[Block, ...],
        vocabulary: Vocabulary,
        seats: list[Place],
        unit: Map | None,
        memories: ReadOnly[str, MemorySpec],
        nodes: ReadOnly[str, NodeSpec],
    ) -> None:
        records = record_types(body, Findings())
        for seat in seats:
            match seat.block:
                case Keep() as keep if keep.record in records:
                    given = self.reader.given[keep.span]
                    check_record(keep, records[keep.record], given, seat, vocabulary, self.findings)
                case Repeat(condition=condition, test=test, span=span) if condition is not None:
                    if span in self.reader.places:
                        vocabulary.check(condition, self.reader.places[span], seat, BOOL, test, self.findings)
                case When(condition=condition, span=span) if span in self.reader.places:
                    vocabulary.check(condition, self.reader.places[span], seat, BOOL, "when", self.findings)
                case Map(over=over, span=span) if span in self.reader.places:
                    vocabulary.check(over, self.reader.places[span], seat, LIST, "over", self.findings)
        if unit is not None:
            self._check_units(unit)
        for memory in memories.values():
            if memory.like is not None:
                tree = self.entries.memory[memory.name].tree
                stated = tree.at(["recall", "like"]) or tree
                for node in (node for node in nodes.values() if memory.name in node.sees):
                    for seat in seats_of(node.name, seats):
                        vocabulary.check(memory.like, stated, seat, STR.maybe, "like", self.findings)

    def _check_units(self, unit: Map) -> None:
        if unit.over.text != "tools":
            tree = self.reader.places.get(unit.span)
            if tree is not None:
                outside = Vocabulary({}, {}, self.params, {}, None)
                outside.check(unit.over, tree, Place(unit, (), frozenset()), LIST, "over", self.findings)
        elif (
            not self.entries.tools
            and not self.entries.broken("tools")
            and "tools" not in (self.tree.entries.keys() - self.shaped.tree.entries.keys())
        ):
            said = "the graph maps over `tools`, but the workflow has none"
            self.findings.error("E219", said, unit.span, expected="`tools: […]`")


def _inside(tree: Tree | None) -> list[Tree]:
    match tree:
        case Mapping(entries=entries):
            return [entry.value for entry in entries.values()]
        case Sequence(items=items):
            return list(items)
    return []
