"""Binding: each value that a node reads is bound to the one node or loop that produces it, or reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from ste_graph.diagnostics import Span
from ste_graph.language.expressions.types import ANY, Type, accepts
from ste_graph.language.sections.resolution import ResolvedEntry
from ste_graph.language.sections.scope import Position
from ste_graph.language.sections.vocabulary import Vocabulary
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.workflow import FromData, FromLoop, FromNode, FromParam, Source
from ste_graph.suggest import closest, list_choices

_SLIP: Final = 0.7
"""The least similarity of two names, from 0 to 1, of which one may be a slip for the other."""


@dataclass(frozen=True, slots=True)
class InputBinder:
    """Finds the source of each field of a node's `Inputs`, and checks it at every position of the node."""

    node: ResolvedEntry
    positions: Sequence[Position]
    vocabulary: Vocabulary
    findings: Findings

    def bind(self) -> dict[str, Source]:
        """The sources, by field."""
        fields = self.node.cls.Inputs.model_fields
        stated: Mapping[str, str] = self.node.wiring.inputs
        for field in stated:
            if field not in fields:
                expected = one_of(fields, "no inputs: this node has none")
                message, near = f"`{self.node.name}` has no input `{field}`", closest(field, fields)
                self.findings.error("E201", message, self._key_span(field), expected=expected, suggestion=near)
        found: dict[str, Source] = {}
        for field, info in fields.items():
            source = self._find_stated(field, stated[field]) if field in stated else self._find(field, info.annotation)
            if source is not None:
                found[field] = source
                # The first position at which it does not fit is enough to know.
                any(not self._fits(field, info.annotation, source, position) for position in self.positions)
        return found

    def _key_span(self, field: str) -> Span:
        return self.node.tree.span_of(["inputs", field], key=True)

    def _find(self, field: str, annotation: Any) -> Source | None:
        """The node itself, or the one node, or loop around each of its positions, that gives a value of this name."""
        if field in self.node.cls.own_inputs:
            return FromNode(self.node.name, field)
        producers = self._producers(field)
        if len(producers) > 1:
            several = " and ".join(f"`{producer}`" for producer in producers)
            self.findings.error(
                "E213",
                f"`{self.node.name}` reads `{field}`, and {several} produce it",
                self.node.span,
                help=f"write `inputs: {{{field}: {producers[0]}.{field}}}` in `{self.node.name}`",
            )
        elif producers:
            return FromNode(producers[0], field)
        elif field in self._loops():
            return FromLoop(field)
        elif not self._has_unknown_producers():
            self._report_missing(field, Type.from_annotation(annotation).nullable)
        return None

    def _report_missing(self, field: str, optional: bool) -> None:
        """Report a value that nothing produces; an optional one only if its name looks like a slip."""
        others = {
            name
            for node, output in self.vocabulary.outputs.items()
            if output and node != self.node.name
            for name in output.model_fields
        }
        near, fields = closest(field, others), self.node.cls.Inputs.model_fields
        if not optional:
            self.findings.error(
                "E211",
                f"`{self.node.name}` reads `{field}`, but nothing in the graph produces it",
                self.node.span,
                expected=f"one of the outputs: {list_choices(others)}",
                suggestion=near,
                help=f"add a node with an output `{field}`, or write `inputs: {{{field}: node.output}}`",
            )
        elif near is not None and near not in fields and SequenceMatcher(None, field, near).ratio() >= _SLIP:
            message = f"nothing in the graph produces the optional input `{field}` of `{self.node.name}`"
            self.findings.warning("W223", message, self.node.span, suggestion=near)

    def _producers(self, field: str) -> list[str]:
        """The other nodes that produce a field: those that are on, or without any, those that are off."""
        found = [
            node
            for node, output in self.vocabulary.outputs.items()
            if node != self.node.name and output is not None and field in output.model_fields
        ]
        return [node for node in found if node not in self.vocabulary.off] or found

    def _has_unknown_producers(self) -> bool:
        """True if a node may produce anything: one that is wrong, or a plugin's that is not loaded."""
        outputs = self.vocabulary.outputs
        return any(output is None and node not in self.vocabulary.off for node, output in outputs.items())

    def _loops(self) -> list[str]:
        """The loops around every position of this node, whose item or counter it may read."""
        around = [{loop.name for loop in self.vocabulary.loops_at(position.loops)} for position in self.positions]
        return sorted(set.intersection(*around)) if around else []

    def _find_stated(self, field: str, name: str) -> Source | None:
        """The source that `inputs:` names."""
        node, _, output = name.partition(".")
        outputs = self.vocabulary.outputs
        if node in outputs and output:
            known = outputs[node]
            if known is None or output in known.model_fields:
                return FromNode(node, output)
            choices = [f"{node}.{other}" for other in known.model_fields]
        elif node in self._loops() and all(self._can_read(name, position) for position in self.positions):
            return FromLoop(name)
        elif node == "data" and output in self.vocabulary.data:
            return FromData(output)
        elif node == "params" and output in self.vocabulary.params:
            return FromParam(output)
        else:
            choices = [f"{node}.{other}" for node, known in outputs.items() if known for other in known.model_fields]
            choices += [f"data.{other}" for other in self.vocabulary.data]
            choices += [f"params.{other}" for other in self.vocabulary.params]
        self.findings.error(
            "E204",
            f"unknown name `{name}` in `inputs` of `{self.node.name}`",
            self.node.tree.span_of(["inputs", field]),
            expected=one_of(choices, "a node's output; no node has any"),
            suggestion=closest(name, [*choices, *self._loops()]),
        )
        return None

    def _can_read(self, name: str, position: Position) -> bool:
        return name in self.vocabulary.names(position.available, position.loops)

    def _fits(self, field: str, annotation: Any, source: Source, position: Position) -> bool:
        expected = Type.from_annotation(annotation)
        name = _source_name(source)
        node = source.node if isinstance(source, FromNode) else None
        actual = self.vocabulary.names(position.available, position.loops).get(name, ANY)
        if accepts(expected, actual):
            return True
        here = position.block.span
        if node is not None and node in self.vocabulary.off:
            self.findings.error(
                "E412",
                f"`{node}` is off, but `{self.node.name}` needs `{name}`",
                here,
                help=f"turn `{self.node.name}` off as well, or let another node produce it in the same variant",
                related=((self.vocabulary.off[node], f"`{node}` is off"),),
            )
        elif (
            node is not None
            and node not in position.available
            and accepts(expected, self._type_when_available(node, source))
        ):
            self.findings.error(
                "E211",
                f"`{self.node.name}` reads `{name}`, which is not available on every path to here",
                here,
                help=f"run `{node}` first, or let `{field}` of `{self.node.name}` be None",
                related=((self.node.span, f"`{self.node.name}` is defined here"),),
            )
        else:
            message = f"`{self.node.name}` reads `{field}` as {expected}, but `{name}` is {actual}"
            help = f"write `inputs: {{{field}: …}}` with a value that is {expected}"
            self.findings.error("E212", message, here, help=help)
        return False

    def _type_when_available(self, node: str, source: Source) -> Type:
        assert isinstance(source, FromNode)
        return self.vocabulary.names([node], ()).get(f"{node}.{source.field}", ANY)


def _source_name(source: Source) -> str:
    match source:
        case FromNode(node=node, field=field):
            return f"{node}.{field}"
        case FromLoop(name=name):
            return name
        case FromData(data=data):
            return f"data.{data}"
        case FromParam(param=param):
            return f"params.{param}"
