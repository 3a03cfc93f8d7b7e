"""Expressions: Python-shaped, parsed with `ast`, allow-listed, typed, interpreted. Never `eval`, never `getattr`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ste_graph.contracts import Json
from ste_graph.language import grammar
from ste_graph.language.evaluation import Interpreter
from ste_graph.language.grammar import ExpressionError
from ste_graph.language.inference import Inference
from ste_graph.language.types import Type

__all__ = ["Expression", "ExpressionError"]


@dataclass(frozen=True)
class Expression:
    """A legal expression, equal to any other of the same text. Raises `ExpressionError` for a text that is none."""

    text: str
    _tree: ast.expr = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tree", grammar.parse(self.text))

    def __str__(self) -> str:
        return self.text

    @classmethod
    def from_value(cls, value: Json) -> Expression:
        """The expression in a YAML value: a text is parsed; numbers, bools, null and lists of these are constants."""
        return cls(value if isinstance(value, str) else _display(value))

    @property
    def names(self) -> frozenset[str]:
        """The dotted names that it reads."""
        return frozenset(grammar.names(self._tree))

    def check(self, scope: Mapping[str, Type], expected: Type | None = None) -> tuple[Type, list[ExpressionError]]:
        """Its type, given the types of all dotted names it may read, and everything that is wrong with it."""
        inference = Inference(self.text, scope)
        found = inference.type_of(self._tree)
        if expected is not None and not inference.errors:
            inference.expect(self._tree, found, expected)
        return found, inference.errors

    def evaluate(self, lookup: Callable[[str], Json]) -> Json:
        """Its value; `lookup` gives the value of a dotted name. Raises `ExpressionError` where there is none."""
        return Interpreter(self.text, lookup).value_of(self._tree)


def _display(value: Json) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_display, value))}]"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    raise ExpressionError("an expression is a text, a number, a bool or a list of constants, not a mapping", 0, 0)
