"""Vocabulary: the dotted names that expressions, prompts and nodes can read, with their types at one position."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ste_graph.contracts import Json
from ste_graph.diagnostics import Span
from ste_graph.language.blocks import Map, Repeat
from ste_graph.language.expressions import types
from ste_graph.language.expressions.expression import Expression, ExpressionError
from ste_graph.language.expressions.types import ANY, INT, LIST, NULL, OBJECT, STR, Type
from ste_graph.language.sections.scope import Position
from ste_graph.language.source.findings import Findings
from ste_graph.language.source.tree import ScalarNode, Tree
from ste_graph.node import NodeOutputs

ITEM: Final = {"name": STR, "description": STR, "parameters": OBJECT, "effect": STR, "fingerprint": STR}
"""The fields of the item of a map over `tools`."""


class Names(Mapping[str, Type]):
    """The dotted names that can be read at one position. Everything below an `open_names` name has that name's type."""

    def __init__(self, found: Mapping[str, Type], open_names: Mapping[str, Type]) -> None:
        self._found = found
        self._open_names = open_names

    def __getitem__(self, name: str) -> Type:
        if name in self._found:
            return self._found[name]
        parts = name.split(".")
        for count in range(len(parts), 0, -1):
            if (above := ".".join(parts[:count])) in self._open_names:
                return self._open_names[above]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def has_parts(self, name: str) -> bool:
        """True if something can be read below a name."""
        return any(known.startswith(f"{name}.") for known in self._found)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All names of one workflow that have a value."""

    outputs: Mapping[str, type[NodeOutputs] | None]
    """Per node of the graph, off or not: the type of its outputs; None if that is not known."""
    off: Mapping[str, Span]
    """The nodes and memories that are off, each with the place of the word."""
    params: Mapping[str, Json]
    loops: Mapping[str, Repeat | Map]
    unit: Map | None
    data: Collection[str] = ()
    """The names in `data:`."""
    param_tree: Tree | None = None
    """The section `params`, for the place of each value."""

    def names(self, available: Iterable[str], loops: Iterable[str]) -> Names:
        """The names that can be read inside `loops` after the nodes `available` have run."""
        found: dict[str, Type] = {}
        open_names: dict[str, Type] = {}
        there = frozenset(available)
        for name, value in self.params.items():
            found |= _param_names(f"params.{name}", value)
        found |= {f"data.{name}": LIST for name in self.data}
        for node, output in self.outputs.items():
            if output is None:
                open_names[node] = NULL if node in self.off else ANY
                continue
            found |= _output_names(node, output, node not in there)
        for loop in self.loops_at(loops):
            if isinstance(loop, Repeat):
                found[loop.name] = INT
            elif loop is self.unit and loop.over.text == "tools":
                found |= {loop.name: OBJECT} | {f"{loop.name}.{field}": kind for field, kind in ITEM.items()}
                open_names[f"{loop.name}.parameters"] = ANY
            else:
                open_names[loop.name] = ANY
        return Names(found, open_names)

    def loops_at(self, loops: Iterable[str]) -> list[Repeat | Map]:
        """The loops with these names, and the unit's map."""
        return [*(self.loops[name] for name in loops), *([self.unit] if self.unit else [])]

    def param_span(self, name: str) -> Span | None:
        """The place that defines `params.a.b`; None for a name that is not in `params`."""
        root, *path = name.split(".")
        value = self.param_tree.at(path) if self.param_tree is not None and root == "params" and path else None
        return value.span if value is not None else None

    def check(
        self,
        expression: Expression,
        tree: Tree,
        position: Position,
        expected: Type | None,
        key: str,
        findings: Findings,
    ) -> None:
        """Check one expression at its position; `key` holds it in the file."""
        self.check_names(expression, tree, self.names(position.available, position.loops), expected, key, findings)

    def check_names(
        self, expression: Expression, tree: Tree, names: Names, expected: Type | None, key: str, findings: Findings
    ) -> None:
        """Check one expression, given the names that it can read."""
        for error in expression.check(names, expected)[1]:
            culprits = sorted(name for name in expression.names if name in text_at_fault(expression, error))
            off = next((root for root in sorted({name.split(".")[0] for name in culprits}) if root in self.off), None)
            if off is not None:
                findings.error(
                    "E412",
                    f"`{off}` is off, but `{key}` needs it: {error.message}",
                    span_in(tree, error),
                    help="turn off what reads it as well, or change this in the same variant",
                    related=((self.off[off], f"`{off}` is off"),),
                )
            elif error.message.startswith("unknown name"):
                report_expression(replace_message(error, f"{error.message} in `{key}`"), "E204", tree, findings)
            elif text_at_fault(expression, error) in culprits and (span := self.param_span(culprits[0])) is not None:
                self._report_param(culprits[0], error, key, span_in(tree, error), span, findings)
            else:
                report_expression(error, "E204", tree, findings)

    def _report_param(
        self, name: str, error: ExpressionError, key: str, use: Span, definition: Span, findings: Findings
    ) -> None:
        """A param of the wrong type, at its definition."""
        findings.error(
            "E204", error.message, definition, expected=error.expected, help=error.help,
            related=((use, f"`{name}` is used here, in `{key}`"),),
        )  # fmt: skip


def replace_message(error: ExpressionError, message: str) -> ExpressionError:
    """The same error with another message."""
    return ExpressionError(message, error.start, error.end, error.suggestion, error.expected, error.help)


def text_at_fault(expression: Expression, error: ExpressionError) -> str:
    """The characters of an expression that an error is about."""
    return expression.text[error.start : error.end]


def span_in(tree: Tree, error: ExpressionError) -> Span:
    """The characters of a file that an error in an expression is about."""
    return tree.part_span(error.start, error.end) if isinstance(tree, ScalarNode) else tree.span


def report_expression(error: ExpressionError, code: str, tree: Tree, findings: Findings) -> None:
    """Add a fault inside an expression, at its own characters."""
    findings.error(
        code,
        error.message,
        span_in(tree, error),
        expected=error.expected,
        suggestion=error.suggestion,
        help=error.help,
    )


@lru_cache(maxsize=512)
def _output_names(node: str, output: type[NodeOutputs], nullable: bool) -> dict[str, Type]:
    """All names that can be read of a node; the same at all positions and in all variants but for `nullable`."""
    found: dict[str, Type] = {}
    for field, info in output.model_fields.items():
        found |= types.nested_types(f"{node}.{field}", info.annotation, nullable=nullable)
    return found


def _param_names(name: str, value: Json) -> dict[str, Type]:
    if isinstance(value, dict):
        found = {name: OBJECT}
        for key, inner in value.items():
            found |= _param_names(f"{name}.{key}", inner)
        return found
    return {name: NULL if value is None else Type.from_annotation(type(value))}
