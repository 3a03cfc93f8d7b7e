"""Binding: each value that a node reads is tied to the one node or loop that gives it, or reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ste_graph.language.diagnostics import Span
from ste_graph.language.findings import Findings, one_of
from ste_graph.language.resolution import Resolved
from ste_graph.language.scope import Place
from ste_graph.language.types import ANY, Type, accepts
from ste_graph.language.vocabulary import Vocabulary
from ste_graph.language.workflow import FromData, FromLoop, FromNode, Source
from ste_graph.suggest import closest


def bind_inputs(
    node: Resolved, seats: Sequence[Place], vocabulary: Vocabulary, findings: Findings
) -> dict[str, Source]:
    """Where each field of the node's `Inputs` comes from, checked at every place where the node stands."""
    return _Binder(node, seats, vocabulary, findings).bound()


@dataclass(frozen=True, slots=True)
class _Binder:
    node: Resolved
    seats: Sequence[Place]
    vocabulary: Vocabulary
    findings: Findings

    def bound(self) -> dict[str, Source]:
        fields = self.node.cls.Inputs.model_fields
        wanted: Mapping[str, str] = self.node.wiring.inputs
        for field in wanted:
            if field not in fields:
                expected = one_of(fields, "nothing: this node reads no value")
                said = f"`{self.node.name}` reads no `{field}`"
                near = closest(field, fields)
                self.findings.error("E201", said, self._key(field), expected=expected, suggestion=near)
        found: dict[str, Source] = {}
        for field, info in fields.items():
            source = self._named(field, wanted[field]) if field in wanted else self._sought(field, info.annotation)
            if source is not None:
                found[field] = source
                # The first place at which it does not fit is enough to know.
                any(not self._fits(field, info.annotation, source, seat) for seat in self.seats)
        return found

    def _key(self, field: str) -> Span:
        return self.node.tree.span_of(["inputs", field], key=True)

    def _sought(self, field: str, annotation: Any) -> Source | None:
        """The one node, or loop around every place of this node, that gives what has the field's name."""
        givers = self._givers(field)
        if len(givers) > 1:
            self.findings.error(
                "E213",
                f"`{self.node.name}` reads `{field}`, which {' and '.join(f'`{giver}`' for giver in givers)} give",
                self.node.span,
                expected=f"`inputs: {{{field}: {givers[0]}.{field}}}` in `{self.node.name}`",
            )
        elif givers:
            return FromNode(givers[0], field)
        elif field in self._loops():
            return FromLoop(field)
        elif not Type.of(annotation).nullable and not self._unknown_givers():
            others = sorted(
                {name for node, given in self.vocabulary.outputs.items() if given and node != self.node.name
                 for name in given.model_fields}
            )  # fmt: skip
            remedy = f"a node that gives `{field}`, or `inputs: {{{field}: node.output}}`"
            self.findings.error(
                "E211",
                f"`{self.node.name}` reads `{field}`, but nothing in the graph gives it",
                self.node.span,
                expected=f"{remedy}; given are: {', '.join(others) or 'none'}",
                suggestion=closest(field, others),
            )
        return None

    def _givers(self, field: str) -> list[str]:
        """The other nodes that give a field: those that are on, or where there is none, those that are off."""
        found = [
            node
            for node, given in self.vocabulary.outputs.items()
            if node != self.node.name and given is not None and field in given.model_fields
        ]
        return [node for node in found if node not in self.vocabulary.off] or found

    def _unknown_givers(self) -> bool:
        """Whether there is a node that may give anything: one that is wrong, or a plugin's that is not loaded."""
        return any(given is None and node not in self.vocabulary.off for node, given in self.vocabulary.outputs.items())

    def _loops(self) -> list[str]:
        """The loops around every place of this node, whose item or counter it may read."""
        around = [{loop.name for loop in self.vocabulary.loops_at(seat.around)} for seat in self.seats]
        return sorted(set.intersection(*around)) if around else []

    def _named(self, field: str, name: str) -> Source | None:
        """The source that `inputs:` names."""
        node, _, output = name.partition(".")
        outputs = self.vocabulary.outputs
        if node in outputs and output:
            given = outputs[node]
            if given is None or output in given.model_fields:
                return FromNode(node, output)
            choices = [f"{node}.{known}" for known in given.model_fields]
        elif node in self._loops() and all(self._readable(name, seat) for seat in self.seats):
            return FromLoop(name)
        elif node == "data" and output in self.vocabulary.data:
            return FromData(output)
        else:
            choices = [f"{node}.{known}" for node, given in outputs.items() if given for known in given.model_fields]
            choices += [f"data.{known}" for known in self.vocabulary.data]
        self.findings.error(
            "E204",
            f"unknown name `{name}` in `inputs` of `{self.node.name}`",
            self.node.tree.span_of(["inputs", field]),
            expected=one_of(choices, "a node's output; no node gives any"),
            suggestion=closest(name, [*choices, *self._loops()]),
        )
        return None

    def _readable(self, name: str, seat: Place) -> bool:
        return name in self.vocabulary.names(seat.given, seat.around)

    def _fits(self, field: str, annotation: Any, source: Source, seat: Place) -> bool:
        expected = Type.of(annotation)
        name = _name_of(source)
        node = source.node if isinstance(source, FromNode) else None
        actual = self.vocabulary.names(seat.given, seat.around).get(name, ANY)
        if accepts(expected, actual):
            return True
        here = seat.block.span
        if node is not None and node in self.vocabulary.off:
            self.findings.error(
                "E412",
                f"`{node}` is off, but `{self.node.name}` needs `{name}`",
                here,
                expected=f"turn `{self.node.name}` off as well, or let another node give it in the same variant",
                related=((self.vocabulary.off[node], f"`{node}` is off"),),
            )
        elif node is not None and node not in seat.given and accepts(expected, self._when_given(node, field, source)):
            self.findings.error(
                "E211",
                f"`{self.node.name}` reads `{name}`, which is not given on every path to here",
                here,
                expected=f"`{node}` to run first, or a node that takes a missing `{field}`",
                related=((self.node.span, f"`{self.node.name}` is defined here"),),
            )
        else:
            said = f"`{self.node.name}` reads `{field}` as {expected}, but `{name}` is {actual}"
            self.findings.error(
                "E212", said, here, expected=f"`inputs: {{{field}: …}}` with a value that is {expected}"
            )
        return False

    def _when_given(self, node: str, field: str, source: Source) -> Type:
        assert isinstance(source, FromNode)
        return self.vocabulary.names([node], ()).get(f"{node}.{source.field}", ANY)


def _name_of(source: Source) -> str:
    match source:
        case FromNode(node=node, field=field):
            return f"{node}.{field}"
        case FromLoop(name=name):
            return name
        case FromData(data=data):
            return f"data.{data}"
