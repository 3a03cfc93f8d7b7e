"""Nodes: from entries of `nodes:` to what the engine runs, with models, prompts and memories found."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Any

from ste_graph.contracts import Json
from ste_graph.language.binding import bind_inputs
from ste_graph.language.diagnostics import Span
from ste_graph.language.entries import resolved_kind
from ste_graph.language.findings import Findings, one_of
from ste_graph.language.plugins import fault
from ste_graph.language.prompts import check_prompt, found_prompt
from ste_graph.language.resolution import Entries, Resolved, Unloaded
from ste_graph.language.scope import Place
from ste_graph.language.vocabulary import Vocabulary
from ste_graph.language.workflow import NodeSpec
from ste_graph.node import NodeOutputs
from ste_graph.prompt import Prompt
from ste_graph.suggest import closest


@dataclass(frozen=True, slots=True)
class NodeReader:
    """Makes node specs for one arm. `holds` says of each memory, off or not, what it holds (None: not known)."""

    entries: Entries
    vocabulary: Vocabulary
    holds: Mapping[str, str | None]
    findings: Findings

    def spec(self, entry: Resolved, outputs: type[NodeOutputs] | None, lives: str, seats: list[Place]) -> NodeSpec:
        """The node as the engine runs it, checked at all places where it stands; whatever is wrong is reported."""
        parts = self._parts(entry)
        transcript: str | None = entry.wiring.transcript
        if transcript is not None:
            transcript = self._memory(transcript, entry.tree.span_of(["transcript"]), "messages", entry.name)
        for index, memory in enumerate(entry.wiring.memories):
            self._memory(memory, entry.tree.span_of(["memories", index]), None, entry.name)
        for prompt in parts.prompts.values() if seats else ():
            check_prompt(prompt, entry, seats, self.vocabulary, self.holds, self.findings)
        return NodeSpec(
            name=entry.name,
            cls=entry.cls,
            settings=parts.settings,
            models=parts.models,
            prompts=parts.prompts,
            recalls=parts.recalls,
            transcript=transcript,
            memories=tuple(entry.wiring.memories),
            inputs=bind_inputs(entry, seats, self.vocabulary, self.findings) if seats else {},
            outputs=outputs or Unloaded.Outputs,
            lives=lives,
            span=entry.span,
        )

    def _parts(self, entry: Resolved) -> _Parts:
        parts = _Parts()
        if (
            entry.cls is Unloaded
        ):  # its settings are not known: what names a model is taken for one, so that calls count
            given = {key: one.value.plain() for key, one in entry.tree.entries.items()}
            parts.models.update({k: v for k, v in given.items() if isinstance(v, str) and v in self.entries.models})
            return parts
        for name, info in entry.cls.model_fields.items():
            value, span = getattr(entry.settings, name), entry.tree.span_of([name])
            match resolved_kind(info):
                case "model" if value is not None:
                    self._model(value, span)
                    parts.models[name] = value
                case "prompt" if value is not None:
                    if (prompt := found_prompt(value, span, self.findings)) is not None:
                        parts.prompts[name] = prompt
                case "recall" if value is not None:
                    parts.recalls[name] = self._memory(value, span, "records", entry.name)
                case _:
                    parts.settings[name] = value
        return parts

    def _model(self, name: str, span: Span) -> None:
        if name not in self.entries.models and name not in self.entries.broken("models"):
            names = {*self.entries.models, *self.entries.broken("models")}
            expected = one_of(names, "a model defined in `models:`")
            said = f"there is no model `{name}`"
            self.findings.error("E216", said, span, expected=expected, suggestion=closest(name, names))

    def _memory(self, name: str, span: Span, needs: str | None, node: str) -> str | None:
        """The memory's name; None if it is off, not there, or does not hold what is needed."""
        if name not in self.holds:
            said = f"there is no memory `{name}`"
            expected = one_of(self.holds, "a memory defined in `memory:`")
            self.findings.error("E217", said, span, expected=expected, suggestion=closest(name, self.holds))
        elif needs is not None and self.holds[name] not in (needs, None):
            where = self.entries.memory[name].span if name in self.entries.memory else self.entries.off[name]
            said = f"`{name}` holds {self.holds[name]}, but `{node}` needs a memory that holds {needs} here"
            legal = [memory for memory, held in self.holds.items() if held == needs]
            expected = one_of(legal, f"a memory that holds {needs}")
            related = ((where, f"`{name}` is defined here"),)
            self.findings.error("E218", said, span, expected=expected, related=related)
        elif name in self.entries.memory:
            return name
        return None


def output_of(node: Resolved, findings: Findings) -> type[NodeOutputs] | None:
    """What a node gives under its settings; None where that is not known."""
    if node.cls is Unloaded:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as pydantic's for an output called `copy`
            gives: type[NodeOutputs] = node.cls.output_type(node.settings.model_dump())
    except ValueError as error:
        findings.error("E203", f"`{node.name}`: {error}", node.tree.span_of(["outputs"]))
        return None
    except Exception as error:  # a plugin's own code
        said = f"`{node.name}` cannot say what it outputs: {fault(error)}"
        findings.error("E502", said, node.tree.span_of(["use"]))
        return None
    for name in gives.model_fields:
        if not name.isidentifier() or iskeyword(name):
            said = f"`{node.name}` gives `{name}`, which expressions cannot name"
            findings.error("E203", said, node.tree.span_of(["outputs", name], key=True), expected="another name")
    return gives


@dataclass(slots=True)
class _Parts:
    """The settings of a node, by what stands behind them."""

    settings: dict[str, Json | Any] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    prompts: dict[str, Prompt] = field(default_factory=dict)
    recalls: dict[str, str | None] = field(default_factory=dict)
