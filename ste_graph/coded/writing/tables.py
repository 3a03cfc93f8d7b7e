"""The last statement of a module: the workflow, of which the engine has to know more than the graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ste_graph.coded.writing.layout import (
    Text,
    Words,
    call_code,
    mapping,
    render_code,
    sequence,
    string_literal,
    tuple_of,
)
from ste_graph.coded.writing.names import PACKAGE, Imports
from ste_graph.coded.writing.settings import SettingsWriter
from ste_graph.compile.flow import Flow
from ste_graph.language.blocks import Each, Map, RecordBlock, walk
from ste_graph.language.source.tree import MappingNode, SequenceNode
from ste_graph.language.workflow import Workflow


@dataclass(frozen=True, slots=True)
class WorkflowWriter:
    """Writes the call of `CodedWorkflow`."""

    workflow: Workflow
    tree: MappingNode
    imports: Imports
    settings: SettingsWriter

    def statement(self, flow: Flow, first: str) -> str:
        """The statement `WORKFLOW = …`; a unit begins at `first`."""
        workflow = self.workflow
        lists = [name for name, own in flow.channels.items() if own.empty is not None]
        arguments: list[tuple[str, Text]] = [
            ("name", string_literal(workflow.name)),
            ("about", Words(workflow.about)),
            ("file", "__file__"),
            *([("seed", str(workflow.seed))] if workflow.seed else []),
            *self._unit(),
            ("params", "PARAMS"),
            *([("models", "MODELS")] if any(node.models for node in workflow.nodes.values()) else []),
            *self._terms(),
            *([("tools", "TOOLS")] if workflow.tools else []),
            *([("data", "DATA")] if workflow.data else []),
            *([("memories", "MEMORIES")] if workflow.memories else []),
            *self._node_tables(),
            ("records", mapping([(name, self.imports.class_of(cls)) for name, cls in workflow.records.items()])),
            *self._calls(),
            ("state", "State"),
            *([("lists", sequence([string_literal(name) for name in lists]))] if lists else []),
            *self._joins(),
            *self._loops(flow),
            ("make_nodes", "make_nodes"),
            ("build_graph", "build_graph"),
            ("first", first),
        ]
        return f"WORKFLOW = {render_code(call_code('CodedWorkflow', arguments), broken=True)}"

    def _unit(self) -> Iterator[tuple[str, Text]]:
        unit_map = self.workflow.unit_map
        if unit_map is not None:
            yield "unit", string_literal(unit_map.name)
            yield "over", string_literal(unit_map.over.text)
            if unit_map.without is not None:
                yield "without", string_literal(unit_map.without.text)
            if unit_map.bound is not None:
                yield "at_most", str(unit_map.bound)

    def _terms(self) -> Iterator[tuple[str, Text]]:
        """The terms of the models that have any."""
        terms: list[tuple[str, Text]] = []
        for name in self.workflow.asked_models:
            own = self.workflow.terms.get(name)
            if own is None or (own.prices, own.budget, own.other) == (None, None, None):
                continue
            parts: list[tuple[str, Text]] = []
            if own.prices is not None:
                parts.append(("prices", self.settings.entry(own.prices, None)))
            if own.budget is not None:
                parts.append(("budget", self.settings.entry(own.budget, None)))
                parts.append(("owner", string_literal(own.owner)))
            if own.other is not None:
                parts.append(("other", string_literal(own.other)))
            terms.append((name, call_code(self.imports.class_of(own), parts)))
        if terms:
            yield "terms", mapping(terms)

    def _node_tables(self) -> Iterator[tuple[str, Text]]:
        nodes = self.workflow.nodes.values()
        talks: list[tuple[str, Text]] = [
            (node.name, string_literal(node.transcript)) for node in nodes if node.transcript
        ]
        shown: list[tuple[str, Text]] = [
            (node.name, sequence([string_literal(memory) for memory in node.memories]))
            for node in nodes
            if node.memories
        ]
        yield from [("transcripts", mapping(talks))] if talks else []
        yield from [("shown", mapping(shown))] if shown else []
        read = {root for node in nodes for prompt in node.prompts.values() for root in prompt.roots}
        off = sorted(read & self.workflow.off)
        yield from [("off", sequence([string_literal(name) for name in off]))] if off else []

    def _calls(self) -> Iterator[tuple[str, Text]]:
        workflow = self.workflow
        if workflow.allow:
            stated = workflow.allow
            yield (
                "allow",
                string_literal(stated)
                if isinstance(stated, str)
                else sequence([string_literal(name) for name in stated]),
            )
        for name, values in (("limits", workflow.limits), ("budget", workflow.budget)):
            if values:
                yield name, self.settings.value(dict(values), None)
        redacted = self.tree.at(["redact"])
        for item in redacted.items if isinstance(redacted, SequenceNode) else ():
            if (variable := item.at(["env"])) is not None:
                self.settings.secrets.add(str(variable.to_plain()))
        if self.settings.secrets:
            environment = self.imports.add(PACKAGE, "environment")
            yield (
                "secrets",
                sequence([f"{environment}({string_literal(name)})" for name in sorted(self.settings.secrets)]),
            )
        if workflow.cassette is not None:
            spec = workflow.cassette
            cls = self.imports.class_of(spec)
            yield "cassette", call_code(cls, [("", self.settings.path(spec.path)), ("", string_literal(spec.mode))])

    def _joins(self) -> Iterator[tuple[str, Text]]:
        found: list[Text] = []
        for block, _ in walk(self.workflow.blocks):
            if isinstance(block, RecordBlock):
                for each in dict.fromkeys(value for value in block.values.values() if isinstance(value, Each)):
                    nodes = [string_literal(node) for node in (each.first, each.second) if node]
                    found.append(
                        call_code(
                            self.imports.add(PACKAGE, "RecordJoin"),
                            [("", own) for own in (string_literal(block.key), *nodes)],
                        )
                    )
        if found:
            yield "joins", sequence(found)

    def _loops(self, flow: Flow) -> Iterator[tuple[str, Text]]:
        loops: list[tuple[str, Text]] = []
        for name, head in flow.heads.items():
            around = [("around", tuple_of([string_literal(own) for own in head.around]))] if head.around else []
            over = [("over_items", "True")] if isinstance(head.block, Map) else []
            held = list(dict.fromkeys(_owner(own) for own, channel in flow.channels.items() if channel.lives == name))
            forgets = [("forgets", sequence([string_literal(own) for own in held]))] if held else []
            loops.append((name, call_code(self.imports.add(PACKAGE, "Loop"), [*around, *over, *forgets])))
        if loops:
            yield "loops", mapping(loops)


def _owner(channel: str) -> str:
    """The node, loop or `each` that a channel belongs to, by which all its channels are named."""
    return channel.removesuffix(".joined") if channel.startswith("each:") else channel.partition(".")[0]
