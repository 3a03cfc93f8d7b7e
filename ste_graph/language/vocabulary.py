"""Vocabulary: the dotted names that expressions, prompts and nodes can read, with their types at one place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ste_graph.contracts import Json
from ste_graph.language import types
from ste_graph.language.blocks import Map, Repeat
from ste_graph.language.diagnostics import Span
from ste_graph.language.expressions import Expression, ExpressionError
from ste_graph.language.findings import Findings
from ste_graph.language.scope import Place
from ste_graph.language.tree import Scalar, Tree
from ste_graph.language.types import ANY, INT, LIST, NULL, OBJECT, STR, Type
from ste_graph.node import NodeOutputs

ITEM: Final = {"name": STR, "description": STR, "parameters": OBJECT, "effect": STR, "fingerprint": STR}
"""What can be read of the item of a map over `tools`."""


class Names(Mapping[str, Type]):
    """The dotted names that can be read at one place. Below an `opened` name, everything has that name's type."""

    def __init__(self, found: Mapping[str, Type], opened: Mapping[str, Type]) -> None:
        self._found = found
        self._opened = opened

    def __getitem__(self, name: str) -> Type:
        if name in self._found:
            return self._found[name]
        parts = name.split(".")
        for count in range(len(parts), 0, -1):
            if (above := ".".join(parts[:count])) in self._opened:
                return self._opened[above]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def opens(self, name: str) -> bool:
        """Whether something can be read below a name."""
        return any(known.startswith(f"{name}.") for known in self._found)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything in one workflow that has a value."""

    outputs: Mapping[str, type[NodeOutputs] | None]
    """Per node of the graph, off or not: the type of what it gives; None where that is not known."""
    off: Mapping[str, Span]
    """The nodes and memories that are off, with the place that says so."""
    params: Mapping[str, Json]
    loops: Mapping[str, Repeat | Map]
    unit: Map | None
    data: Collection[str] = ()
    """The names in `data:`."""

    def names(self, given: Iterable[str], around: Iterable[str]) -> Names:
        """The names that can be read where the nodes `given` have run and the loops `around` are."""
        found: dict[str, Type] = {}
        opened: dict[str, Type] = {}
        there = frozenset(given)
        for name, value in self.params.items():
            found |= _of_param(f"params.{name}", value)
        found |= {f"data.{name}": LIST for name in self.data}
        for node, output in self.outputs.items():
            if output is None:
                opened[node] = NULL if node in self.off else ANY
                continue
            found |= _of_output(node, output, node not in there)
        for loop in self.loops_at(around):
            if isinstance(loop, Repeat):
                found[loop.name] = INT
            elif loop is self.unit and loop.over.text == "tools":
                found |= {loop.name: OBJECT} | {f"{loop.name}.{field}": kind for field, kind in ITEM.items()}
                opened[f"{loop.name}.parameters"] = ANY
            else:
                opened[loop.name] = ANY
        return Names(found, opened)

    def loops_at(self, around: Iterable[str]) -> list[Repeat | Map]:
        """The loops around a place, the unit's map among them."""
        return [*(self.loops[name] for name in around), *([self.unit] if self.unit else [])]

    def check(
        self, expression: Expression, tree: Tree, place: Place, expected: Type | None, key: str, findings: Findings
    ) -> None:
        """Check one expression where it stands."""
        for error in expression.check(self.names(place.given, place.around), expected)[1]:
            read = {name.split(".")[0] for name in expression.names if name in error_text(expression, error)}
            culprit = next((name for name in sorted(read) if name in self.off), None)
            if culprit is None:
                where = f" in `{key}`" if error.message.startswith("unknown name") else ""
                report_expression(error, "E204", tree, findings, where)
                continue
            findings.error(
                "E412",
                f"`{culprit}` is off, but `{key}` needs it: {error.message}",
                span_in(tree, error),
                expected="turn off what reads it as well, or change this in the same variant",
                related=((self.off[culprit], f"`{culprit}` is off"),),
            )


def error_text(expression: Expression, error: ExpressionError) -> str:
    """The characters of an expression that an error is about."""
    return expression.text[error.start : error.end]


def span_in(tree: Tree, error: ExpressionError) -> Span:
    """The characters of a file that an error in an expression is about."""
    return tree.part(error.start, error.end) if isinstance(tree, Scalar) else tree.span


def report_expression(error: ExpressionError, code: str, tree: Tree, findings: Findings, where: str = "") -> None:
    """A fault inside an expression, at its own characters."""
    findings.error(
        code,
        f"{error.message}{where}",
        span_in(tree, error),
        expected=error.expected,
        suggestion=error.suggestion,
    )


@lru_cache(maxsize=512)
def _of_output(node: str, output: type[NodeOutputs], maybe: bool) -> dict[str, Type]:
    """All that can be read of a node; the same for all places and arms but for `maybe`."""
    found: dict[str, Type] = {}
    for field, info in output.model_fields.items():
        found |= types.names(f"{node}.{field}", info.annotation, maybe=maybe)
    return found


def _of_param(name: str, value: Json) -> dict[str, Type]:
    if isinstance(value, dict):
        found = {name: OBJECT}
        for key, inner in value.items():
            found |= _of_param(f"{name}.{key}", inner)
        return found
    return {name: NULL if value is None else Type.of(type(value))}
