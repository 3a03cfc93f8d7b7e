"""Expressions: Python-shaped, parsed with `ast`, allow-listed, typed, interpreted. Never `eval`, never `getattr`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ste_graph.contracts import Json
from ste_graph.language.expressions import grammar
from ste_graph.language.expressions.grammar import ExpressionError
from ste_graph.language.expressions.interpreter import Interpreter
from ste_graph.language.expressions.type_check import TypeChecker
from ste_graph.language.expressions.types import Type

__all__ = ["Expression", "ExpressionError"]


@dataclass(frozen=True)
class Expression:
    """A legal expression, equal to any other of the same text. Raises `ExpressionError` for an illegal text."""

    text: str
    _tree: ast.expr = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tree", grammar.parse_legal_expression(self.text))

    def __str__(self) -> str:
        return self.text

    @classmethod
    def from_value(cls, value: Json) -> Expression:
        """The expression in a YAML value: a text is parsed; numbers, bools, null and lists of these are constants."""
        return cls(value if isinstance(value, str) else _constant_text(value))

    @property
    def names(self) -> frozenset[str]:
        """The dotted names that the expression reads."""
        return frozenset(grammar.dotted_names(self._tree))

    def check(self, scope: Mapping[str, Type], expected: Type | None = None) -> tuple[Type, list[ExpressionError]]:
        """The type of the expression and all its faults; `scope` has the types of the dotted names it may read."""
        checker = TypeChecker(self.text, scope)
        found = checker.type_of(self._tree)
        if expected is not None and not checker.errors:
            checker.expect(self._tree, found, expected)
        return found, checker.errors

    def evaluate(self, lookup: Callable[[str], Json]) -> Json:
        """The value of the expression; `lookup` returns the value of a dotted name. Raises `ExpressionError`."""
        return Interpreter(self.text, lookup).evaluate(self._tree)


def _constant_text(value: Json) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_constant_text, value))}]"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    raise ExpressionError("an expression is a text, a number, a bool or a list of constants, not a mapping", 0, 0)
