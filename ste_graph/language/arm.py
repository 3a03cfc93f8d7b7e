"""One arm (the base, or a variant) of a workflow: from its composed tree to a checked `Workflow`, or to findings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping as ReadOnly
from pathlib import Path
from typing import Any

from ste_graph.contracts import Json
from ste_graph.language import binding, types
from ste_graph.language.binding import Binder
from ste_graph.language.blocks import Block, Keep, Map, Repeat, When, walk
from ste_graph.language.diagnostics import Span, closest
from ste_graph.language.entries import resolved_kind
from ste_graph.language.findings import Findings
from ste_graph.language.memories import memory_specs
from ste_graph.language.graph import GraphReader
from ste_graph.language.resolution import Entries, Resolved, Unloaded, for_lock, output_fields, relative, resolve, when_on
from ste_graph.language.schema import RESERVED
from ste_graph.language.scope import Place, innermost_common, occurrences, places
from ste_graph.language.shape import check_shape
from ste_graph.language.tree import Mapping
from ste_graph.language.workflow import UNIT, MemorySpec, NodeSpec, Workflow
from ste_graph.prompt import Prompt
from ste_graph.records import Record
from ste_graph.registry import known, load


def check_arm(
    tree: Mapping, before: Mapping, file: Path, variant: str | None, plugins: bool, findings: Findings
) -> Workflow | None:
    """Check one arm. None if it is wrong; then the findings say why.

    `before` is the tree without the variant: it tells what a node that is off would have given.
    """
    sound = check_shape(tree, findings)
    entries = resolve(tree, sound, plugins, findings)
    if findings.failed and not _can_go_on(tree, sound, entries):
        return None
    return _Arm(tree, before, file, variant, entries, findings).workflow()


def _can_go_on(tree: Mapping, sound: set[str], entries: Entries) -> bool:
    """Whether the graph can be checked although something else is wrong: all it may mention is known."""
    sections = {"graph", "nodes", "memory", "params"} & set(tree.entries)
    whole = all(
        name in getattr(entries, section) or name in entries.off
        for section in ("nodes", "memory")
        if section in sound and isinstance(tree.entries[section].value, Mapping)
        for name in tree.entries[section].value.entries
    )
    return "graph" in tree.entries and sections <= sound and whole


class _Arm:
    def __init__(
        self, tree: Mapping, before: Mapping, file: Path, variant: str | None, entries: Entries, findings: Findings
    ) -> None:
        self.tree = tree
        self.before = before
        self.file = file
        self.variant = variant
        self.entries = entries
        self.findings = findings
        self.params: ReadOnly[str, Json] = self.plain("params", {})
        self.prompts: dict[str, Prompt] = {}

    def plain(self, name: str, default: Json) -> Json:
        entry = self.tree.entries.get(name)
        return default if entry is None else entry.value.plain()

    def workflow(self) -> Workflow | None:
        self._reserved()
        reader = self._reader()
        graph = self.tree.entries["graph"].value
        blocks = reader.blocks(graph, top=True)
        unit, body = self._unit(blocks)
        self._unused(reader)
        outputs = self._outputs()
        lives = self._lifetimes(body, unit, reader, outputs)
        memories = memory_specs(self.entries, reader, unit, self._records(body), self.findings)
        binder = Binder(
            outputs,
            self.entries.off,
            self.params,
            {b.name: b for b, _ in walk(body) if isinstance(b, Repeat | Map)},
            unit,
            {name: entry.cls.holds for name, entry in self.entries.memory.items()}
            | {name: self._held(name) for name in self.entries.off if name not in outputs},
            self.findings,
        )
        seats = places(body, lives)
        nodes = self._nodes(body, binder, seats, lives, outputs)
        self._expressions(binder, seats, reader, unit, memories, nodes)
        self._memory_readers(memories, nodes)
        if self.findings.failed:
            return None
        return Workflow(
            name=str(self.plain("name", "")),
            variant=self.variant,
            about=str(self.plain("about", "")),
            file=self.file,
            seed=self.plain("seed", 0),
            params=self.params,
            over=unit,
            blocks=body,
            nodes=nodes,
            memories=memories,
            models={name: entry.settings for name, entry in self.entries.models.items()},
            tools=tuple(entry.settings for entry in self.entries.tools),
            allow=tuple(self.plain("allow", None) or ()),
            limits=self.plain("limits", {}),
            budget={k: v for k, v in self.plain("budget", {}).items() if v is not None},
            lock=self._lock(),
            off=frozenset(self.entries.off),
        )

    # -- names ---------------------------------------------------------------------------------------------------

    def _reserved(self) -> None:
        for section in ("nodes", "memory"):
            tree = self.tree.entries.get(section)
            for name, entry in tree.value.entries.items() if tree and isinstance(tree.value, Mapping) else ():
                if name in RESERVED:
                    self.findings.error("E221", f"`{name}` is reserved", entry.key_span, expected="another name")
        nodes, memory = (self._keys(section) for section in ("nodes", "memory"))
        for name in sorted(set(nodes) & set(memory)):
            self.findings.error(
                "E221",
                f"the name `{name}` is taken",
                memory[name],
                expected="nodes, loops and memories share one name space",
                related=((nodes[name], "it stands here already"),),
            )

    def _keys(self, section: str) -> dict[str, Span]:
        tree = self.tree.entries.get(section)
        return {n: e.key_span for n, e in tree.value.entries.items()} if tree and isinstance(tree.value, Mapping) else {}

    def _reader(self) -> GraphReader:
        nodes, memory = self._keys("nodes"), self._keys("memory")
        off = {name for name in self.entries.off if name in nodes}
        return GraphReader(set(nodes), off, self.params, {**nodes, **memory}, self.findings)

    def _unit(self, blocks: tuple[Block, ...]) -> tuple[Map | None, tuple[Block, ...]]:
        first = blocks[0] if blocks else None
        if isinstance(first, Map) and len(blocks) == 1:
            return first, first.do
        for block in blocks:
            if isinstance(block, Map) and block.bound is None:
                self.findings.error(
                    "E233", f"`map: {block.name}` stands beside other blocks at the top", block.span,
                    expected="one map alone, whose items are the units; or `at_most`, to run it in order inside one unit",
                )  # fmt: skip
        return None, blocks

    def _unused(self, reader: GraphReader) -> None:
        for name, span in self._keys("nodes").items():
            if name not in reader.used and name not in self.entries.off and reader.used:
                self.findings.warning("W222", f"node `{name}` does not stand in the graph", span)

    def _held(self, memory: str) -> str:
        """What a memory that is off would hold."""
        was = when_on("memory", memory, self.before, self.entries)
        return was.cls.holds if was else "records"

    # -- outputs and lifetimes -----------------------------------------------------------------------------------

    def _outputs(self) -> dict[str, Any]:
        """Per node, off or not, what it gives, or would give if it were on; None where that is not known."""
        found: dict[str, Any] = {}
        nodes = dict(self.entries.nodes)
        for name in self.entries.off:
            if name in self._keys("nodes"):
                found[name] = None
                if was := when_on("nodes", name, self.before, self.entries):
                    nodes[name] = was
        for name, entry in nodes.items():
            found[name] = None
            if entry.cls is not Unloaded:
                try:
                    found[name] = output_fields(entry.cls, entry.settings)
                except ValueError as error:
                    self.findings.error("E203", f"`{name}`: {error}", entry.tree.span_of(["gives"]))
        return found

    def _lifetimes(
        self, body: tuple[Block, ...], unit: Map | None, reader: GraphReader, outputs: ReadOnly[str, Any]
    ) -> dict[str, str]:
        name = unit.name if unit else UNIT
        loops = {block.name: around for block, around in walk(body) if isinstance(block, Repeat | Map)}
        stands = occurrences(body)
        lives: dict[str, str] = {}
        for node in outputs:
            lives[node] = innermost_common(stands.get(node, []), name)
            entry = self.entries.nodes.get(node)
            stated = entry.wiring.lives if entry else None
            if entry is None or stated is None:
                continue
            around = set.intersection(*(set(a) for a in stands[node])) if stands.get(node) else set(loops)
            if stated == name or stated in around:
                lives[node] = stated
                continue
            legal = sorted({*around, name})
            self.findings.error(
                "E240", f"`{node}` cannot live in `{stated}`", entry.tree.span_of(["lives"]),
                expected=f"a loop around every place where it stands: {', '.join(legal)}", suggestion=closest(stated, legal),
            )  # fmt: skip
        return lives

    # -- records and memories ------------------------------------------------------------------------------------

    def _records(self, body: tuple[Block, ...]) -> dict[str, type[Record]]:
        """The record types of the graph, by name; unknown ones are reported."""
        found: dict[str, type[Record]] = {}
        for block, _ in walk(body):
            if not isinstance(block, Keep) or block.record in found:
                continue
            if block.record in known("records"):
                found[block.record] = load("records", block.record)
            else:
                names = sorted(known("records"))
                self.findings.error(
                    "E215", f"there is no record type `{block.record}`", block.span,
                    expected=f"one of: {', '.join(names)}", suggestion=closest(block.record, names),
                )  # fmt: skip
        return found

    def _memory_readers(self, memories: ReadOnly[str, MemorySpec], nodes: ReadOnly[str, NodeSpec]) -> None:
        for name, memory in memories.items():
            if not any(name == spec.talk or name in spec.sees or name in spec.recalls.values() for spec in nodes.values()):
                self.findings.error(
                    "E241", f"nothing reads the memory `{name}`", memory.span,
                    expected=f"a node in the graph with `talk: {name}` or `sees: [{name}]`, or `{name}: off`",
                )  # fmt: skip

    # -- nodes ---------------------------------------------------------------------------------------------------

    def _nodes(
        self, body: tuple[Block, ...], binder: Binder, seats: list[Place], lives: ReadOnly[str, str], outputs: ReadOnly[str, Any]
    ) -> dict[str, NodeSpec]:
        standing = occurrences(body)
        found: dict[str, NodeSpec] = {}
        for name, entry in self.entries.nodes.items():
            spec = self._node(entry, lives[name], outputs[name])
            if spec is None or name not in standing:
                continue
            own = binding.seats_of(name, seats)
            where = {field: entry.tree.span_of(["reads", field]) for field in entry.wiring.reads}
            bound = binder.reads(spec, entry.wiring.reads, where, own) if entry.cls is not Unloaded else {}
            for prompt in spec.prompts.values():
                binder.prompt(spec, prompt, own)
            found[name] = NodeSpec(**{field: getattr(spec, field) for field in NodeSpec.__slots__} | {"reads": bound})
        return found

    def _node(self, entry: Resolved, lives: str, outputs: Any) -> NodeSpec | None:
        models: dict[str, str] = {}
        prompts: dict[str, Prompt] = {}
        recalls: dict[str, str | None] = {}
        settings: dict[str, Any] = {}
        for field, info in entry.cls.model_fields.items():
            value = getattr(entry.settings, field)
            kind = resolved_kind(info)
            if kind is None or value is None:
                settings[field] = value
                continue
            span = entry.tree.span_of([field])
            if kind == "model":
                if value in self.entries.models or value not in self._keys("models"):
                    self._known_model(value, span)
                models[field] = value
            elif kind == "prompt":
                prompt = self._prompt(value, span)
                if prompt is not None:
                    prompts[field] = prompt
            else:
                recalls[field] = self._memory(value, span, "records", entry.name)
        talk = self._memory(entry.wiring.talk, entry.tree.span_of(["talk"]), "messages", entry.name) if entry.wiring.talk else None
        sees = []
        for index, memory in enumerate(entry.wiring.sees):
            self._memory(memory, entry.tree.span_of(["sees", index]), None, entry.name)
            sees.append(memory)
        return NodeSpec(
            name=entry.name,
            cls=entry.cls,
            settings=settings,
            models=models,
            prompts=prompts,
            recalls=recalls,
            talk=talk,
            sees=tuple(sees),
            reads={},
            outputs=outputs,
            lives=lives,
            span=entry.span,
        )

    def _known_model(self, name: str, span: Span) -> None:
        if name not in self.entries.models:
            names = sorted(self.entries.models)
            self.findings.error(
                "E216", f"there is no model `{name}`", span,
                expected=f"one of: {', '.join(names)}" if names else "a model defined in `models:`", suggestion=closest(name, names),
            )  # fmt: skip

    def _memory(self, name: str, span: Span, holds: str | None, node: str) -> str | None:
        """The memory's name, or None if it is off or not there; whether it holds what is needed is checked."""
        if name in self.entries.off and name not in self._keys("nodes"):
            return None
        entry = self.entries.memory.get(name)
        if entry is None:
            names = sorted({*self.entries.memory, *self._keys("memory")})
            if name not in self._keys("memory"):
                self.findings.error(
                    "E217", f"there is no memory `{name}`", span,
                    expected=f"one of: {', '.join(names)}" if names else "a memory defined in `memory:`", suggestion=closest(name, names),
                )  # fmt: skip
            return None
        if holds is not None and entry.cls.holds != holds:
            self.findings.error(
                "E218", f"`{name}` holds {entry.cls.holds}, but `{node}` needs a memory that holds {holds} here", span,
                related=((entry.span, f"`{name}` is defined here"),),
            )  # fmt: skip
            return None
        return name

    def _prompt(self, value: str, span: Span) -> Prompt | None:
        path = relative(value, span)
        try:
            prompt = Prompt.read(path)
        except OSError:
            near = closest(path.name, [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else [])
            self.findings.error("E505", f"there is no prompt file `{value}`", span, suggestion=near and value.replace(path.name, near))
            return None
        except UnicodeDecodeError:
            self.findings.error("E505", f"`{value}` is not a text in UTF-8", span)
            return None
        self.prompts[value] = prompt
        return prompt

    # -- expressions ---------------------------------------------------------------------------------------------

    def _expressions(
        self,
        binder: Binder,
        seats: list[Place],
        reader: GraphReader,
        unit: Map | None,
        memories: ReadOnly[str, MemorySpec],
        nodes: ReadOnly[str, NodeSpec],
    ) -> None:
        records = {name: load("records", name) for name in known("records")}
        for seat in seats:
            block = seat.block
            if isinstance(block, Keep):
                if block.record in records:
                    binder.record(block, records[block.record], reader.given[block.span], seat)
                continue
            condition = binding.condition_of(block) if isinstance(block, Repeat | When | Map) else None
            if condition is not None:
                key = block.test if isinstance(block, Repeat) else "over" if isinstance(block, Map) else "when"
                expected = types.LIST if isinstance(block, Map) else types.BOOL
                binder.expression(condition, reader.places[block.span], seat, expected, key)
        if unit is not None and unit.over.text != "tools":
            outside = Place(unit, (), frozenset())
            Binder(binder.outputs, binder.off, binder.params, {}, None, binder.memories, binder.findings).expression(
                unit.over, reader.places[unit.span], outside, types.LIST, "over"
            )
        elif unit is not None and not self.entries.tools and "tools" not in self.tree.entries:
            self.findings.error("E219", "the graph maps over `tools`, but the workflow has none", unit.span, expected="`tools: […]`")
        for memory in memories.values():
            if memory.like is None:
                continue
            tree = self.entries.memory[memory.name].tree
            stated = tree.at(["recall", "like"]) or tree
            for name, spec in nodes.items():
                if memory.name in spec.sees:
                    for seat in binding.seats_of(name, seats):
                        binder.expression(memory.like, stated, seat, types.STR.maybe, "like")

    # -- the lock ------------------------------------------------------------------------------------------------

    def _lock(self) -> dict[str, Json]:
        plain = for_lock(self.tree, self.entries)
        for key in ("variants", "budget", "about"):
            plain.pop(key, None)
        return {
            "workflow": plain,
            "variant": self.variant,
            "prompts": {name: prompt.text for name, prompt in sorted(self.prompts.items())},
            "code": {
                name: hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
                for name, path in sorted(self.entries.code.items())
            },
        }
