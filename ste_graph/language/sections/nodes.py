"""Nodes: from entries of `nodes:` to specs for the engine, with models, prompts and memories found."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Any

from ste_graph.contracts import Json
from ste_graph.diagnostics import Span
from ste_graph.language.sections.binding import InputBinder
from ste_graph.language.sections.entries import held_by_view, reference_kind
from ste_graph.language.sections.plugins import describe_exception
from ste_graph.language.sections.prompts import check_prompt, find_prompt
from ste_graph.language.sections.resolution import ResolvedEntries, ResolvedEntry, UnloadedNode
from ste_graph.language.sections.scope import Position
from ste_graph.language.sections.vocabulary import Vocabulary
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.workflow import NodeSpec
from ste_graph.node import NodeOutputs
from ste_graph.prompts.prompt import Prompt
from ste_graph.suggest import closest


@dataclass(frozen=True, slots=True)
class NodeReader:
    """Makes the node specs of one variant.

    `holds` has, per memory, off or not, the kind of its contents (None: not known).
    """

    entries: ResolvedEntries
    vocabulary: Vocabulary
    holds: Mapping[str, str | None]
    findings: Findings

    def spec(
        self, entry: ResolvedEntry, outputs: type[NodeOutputs] | None, lives: str, positions: list[Position]
    ) -> NodeSpec:
        """The node as the engine runs it, checked at all its positions; its faults are reported."""
        parts = self._sort_settings(entry)
        transcript: str | None = entry.wiring.transcript
        if transcript is not None:
            transcript = self._find_memory(transcript, entry.tree.span_of(["transcript"]), "messages", entry.name)
        for index, memory in enumerate(entry.wiring.memories):
            needs = "records" if self.holds.get(memory) == "values" else None  # a prompt shows what a node has drawn
            self._find_memory(memory, entry.tree.span_of(["memories", index]), needs, entry.name)
        for prompt in parts.prompts.values() if positions else ():
            check_prompt(prompt, entry, positions, self.vocabulary, self.holds, self.findings)
        return NodeSpec(
            name=entry.name,
            cls=entry.cls,
            settings=parts.settings,
            models=parts.models,
            prompts=parts.prompts,
            recalls=parts.recalls,
            transcript=transcript,
            memories=tuple(entry.wiring.memories),
            inputs=InputBinder(entry, positions, self.vocabulary, self.findings).bind() if positions else {},
            outputs=outputs or UnloadedNode.Outputs,
            lives=lives,
            span=entry.span,
        )

    def _sort_settings(self, entry: ResolvedEntry) -> _NodeSettings:
        parts = _NodeSettings()
        if entry.cls is UnloadedNode:  # a setting that equals a model's name counts as one, so that calls are counted
            values = {key: each.value.to_plain() for key, each in entry.tree.entries.items()}
            parts.models.update({k: v for k, v in values.items() if isinstance(v, str) and v in self.entries.models})
            return parts
        for name, info in entry.cls.model_fields.items():
            value, span = getattr(entry.settings, name), entry.tree.span_of([name])
            match reference_kind(info):
                case "model" if value is not None:
                    self._check_model(value, span)
                    parts.models[name] = value
                case "prompt" if value is not None:
                    if (prompt := find_prompt(value, span, self.findings)) is not None:
                        parts.prompts[name] = prompt
                case "recall" if value is not None:
                    parts.recalls[name] = self._find_memory(value, span, held_by_view(info), entry.name)
                case _:
                    parts.settings[name] = value
        return parts

    def _check_model(self, name: str, span: Span) -> None:
        names = {*self.entries.models, *self.entries.faulty_names("models")}
        if name not in names:
            expected = one_of(names, "a model defined in `models:`")
            message = f"unknown model `{name}`"
            self.findings.error("E216", message, span, expected=expected, suggestion=closest(name, names))

    def _find_memory(self, name: str, span: Span, needs: str | None, node: str) -> str | None:
        """The memory's name; None if it is off, unknown, or does not hold what is needed."""
        if name not in self.holds:
            message = f"unknown memory `{name}`"
            expected = one_of(self.holds, "a memory defined in `memory:`")
            self.findings.error("E217", message, span, expected=expected, suggestion=closest(name, self.holds))
        elif needs is not None and self.holds[name] not in (needs, None):
            where = self.entries.memory[name].span if name in self.entries.memory else self.entries.off[name]
            message = f"`{node}` needs a memory of {needs} here, but `{name}` holds {self.holds[name]}"
            legal = [memory for memory, held in self.holds.items() if held == needs]
            expected = one_of(legal, f"a memory that holds {needs}")
            related = ((where, f"`{name}` is defined here"),)
            self.findings.error("E218", message, span, expected=expected, related=related)
        elif name in self.entries.memory:
            return name
        return None


def output_type(node: ResolvedEntry, findings: Findings) -> type[NodeOutputs] | None:
    """The type of a node's outputs under its settings; None if that is not known."""
    if node.cls is UnloadedNode:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as pydantic's for an output called `copy`
            outputs: type[NodeOutputs] = node.cls.output_type(node.settings.model_dump())
    except ValueError as error:
        findings.error("E203", f"`{node.name}`: {error}", node.tree.span_of(["outputs"]))
        return None
    except Exception as error:  # a plugin's own code
        message = f"`output_type` of `{node.name}` fails: {describe_exception(error)}"
        findings.error("E502", message, node.tree.span_of(["use"]))
        return None
    for name in outputs.model_fields:
        if not name.isidentifier() or iskeyword(name):
            message = f"the output `{name}` of `{node.name}` is not a name that expressions can read"
            findings.error("E203", message, node.tree.span_of(["outputs", name], key=True), expected="another name")
    return outputs


@dataclass(slots=True)
class _NodeSettings:
    """The settings of a node, by the kind of object that each becomes."""

    settings: dict[str, Json | Any] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    prompts: dict[str, Prompt] = field(default_factory=dict)
    recalls: dict[str, str | None] = field(default_factory=dict)
