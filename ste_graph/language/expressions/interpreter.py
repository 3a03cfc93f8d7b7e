"""The interpreter of expressions: a legal tree and the values of its names to a value."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from ste_graph.contracts import Json
from ste_graph.language.expressions.grammar import (
    ARITHMETIC,
    COMPARISONS,
    LARGEST,
    ExpressionError,
    dotted_name,
    extent,
)

_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul
}  # fmt: skip
_ORDER: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge
}  # fmt: skip


class Interpreter:
    """Evaluates the legal trees of one text. Every fault is an `ExpressionError` at the operand that caused it."""

    def __init__(self, text: str, lookup: Callable[[str], Json]) -> None:
        self._text = text
        self._lookup = lookup

    def evaluate(self, node: ast.expr) -> Json:
        """The value of a node."""
        if (name := dotted_name(node)) is not None:
            return self._look_up(node, name)
        match node:
            case ast.Constant(value=value):
                return value
            case ast.List(elts=items):
                return [self.evaluate(item) for item in items]
            case ast.BoolOp(op=word, values=parts):
                decisive = isinstance(word, ast.Or)
                return decisive if any(self._truth(part) is decisive for part in parts) else not decisive
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self._truth(operand)
            case ast.UnaryOp(operand=operand):
                return -self._number(operand)
            case ast.BinOp(left=left, op=sign, right=right):
                return self._calculate(node, self._number(left), sign, self._number(right))
            case ast.Call(func=ast.Name(id=function), args=arguments):
                return self._call(function, arguments)
            case ast.Compare():
                return self._compare(node)
        raise self._fault(node, "this is not part of expressions")

    def _look_up(self, node: ast.expr, name: str) -> Json:
        try:
            return self._lookup(name)
        except LookupError:
            raise self._fault(node, f"unknown name `{name}`") from None

    def _compare(self, node: ast.Compare) -> bool:
        left = node.left
        for sign, right in zip(node.ops, node.comparators, strict=True):
            if not self._holds(left, sign, right):
                return False
            left = right
        return True

    def _holds(self, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> bool:
        first, second = self.evaluate(left), self.evaluate(right)
        match sign:
            case ast.Eq():
                return bool(first == second)
            case ast.NotEq():
                return bool(first != second)
            case ast.Is():
                return first is second
            case ast.IsNot():
                return first is not second
            case ast.In() | ast.NotIn():
                if not isinstance(second, list) and not (isinstance(second, str) and isinstance(first, str)):
                    raise self._fault(right, f"`in` needs a list, or a str on both sides, not {_word(second)}")
                return (first in second) is isinstance(sign, ast.In)
        if not (_is_number(first) and _is_number(second)) and not (isinstance(first, str) and isinstance(second, str)):
            culprit = right if _is_number(first) or isinstance(first, str) else left
            raise self._fault(culprit, f"`{COMPARISONS[type(sign)]}` compares two numbers or two texts, not "
                              f"{_word(first)} and {_word(second)}")  # fmt: skip
        return _ORDER[type(sign)](first, second)

    def _call(self, function: str, arguments: list[ast.expr]) -> Json:
        match function:
            case "len":
                value = self.evaluate(arguments[0])
                if not isinstance(value, str | list | dict):
                    raise self._fault(arguments[0], f"`len` needs a str, list or object, not {_word(value)}")
                return len(value)
            case "abs":
                return abs(self._number(arguments[0]))
        values = [self._number(argument) for argument in arguments]
        return min(values) if function == "min" else max(values)

    def _calculate(self, node: ast.expr, left: int | float, sign: ast.operator, right: int | float) -> int | float:
        try:
            result: int | float = _ARITHMETIC[type(sign)](left, right)
        except OverflowError:
            result = math.inf
        if (isinstance(result, int) and abs(result) >= LARGEST) or (
            isinstance(result, float) and not math.isfinite(result)
        ):
            raise self._fault(node, f"the result of `{ARITHMETIC[type(sign)]}` is too large")
        return result

    def _number(self, node: ast.expr) -> int | float:
        value = self.evaluate(node)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._fault(node, f"`{ast.unparse(node)}` must be a number, but is {_word(value)}")
        if isinstance(value, int) and abs(value) >= LARGEST:
            raise self._fault(node, "the number is too large")
        return value

    def _truth(self, node: ast.expr) -> bool:
        value = self.evaluate(node)
        if not isinstance(value, bool):
            raise self._fault(node, f"`{ast.unparse(node)}` must be a bool, but is {_word(value)}")
        return value

    def _fault(self, node: ast.expr, message: str) -> ExpressionError:
        return ExpressionError(message, *extent(self._text, node))


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _word(value: Json) -> str:
    words = {bool: "bool", int: "int", float: "number", str: "str", list: "list", dict: "object", type(None): "null"}
    return words.get(type(value), type(value).__name__)
