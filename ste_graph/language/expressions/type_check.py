"""The type checker of expressions: the type of one, and its faults, before anything runs."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from ste_graph.language.expressions import grammar
from ste_graph.language.expressions.grammar import ARITHMETIC, COMPARISONS, ExpressionError, dotted_name, extent
from ste_graph.language.expressions.types import ANY, BOOL, INT, LIST, NULL, NUMBER, STR, Type, accepts, union
from ste_graph.suggest import closest

NonNull = frozenset[str]
"""Names that an earlier test rules out to be null."""

_CONSTANTS = {bool: BOOL, int: INT, float: NUMBER, str: STR, type(None): NULL}
_ORDERED = union([NUMBER, STR])
_SIZED = Type(frozenset({"str", "list", "object"}))


class TypeChecker:
    """Finds the types in one text. All faults are collected in `errors`; a faulty part has type `any`."""

    def __init__(self, text: str, scope: Mapping[str, Type]) -> None:
        self.errors: list[ExpressionError] = []
        self._text = text
        self._scope = scope

    def type_of(self, node: ast.expr, non_null: NonNull = frozenset()) -> Type:
        """The type of a part, given the names that cannot be null there."""
        if (name := dotted_name(node)) is not None:
            found = self._type_of_name(node, name)
            return found.without_null if name in non_null else found
        match node:
            case ast.Constant(value=value):
                return _CONSTANTS[type(value)]
            case ast.BoolOp(op=word, values=parts):
                for part in parts:
                    self.expect(part, self.type_of(part, non_null), BOOL)
                    non_null |= non_null_names(part, isinstance(word, ast.And))
                return BOOL
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self.expect(operand, self.type_of(operand, non_null), BOOL)
                return BOOL
            case ast.UnaryOp(operand=operand):
                return self._type_of_numbers([operand], "-", non_null)
            case ast.BinOp(left=left, op=sign, right=right):
                return self._type_of_numbers([left, right], ARITHMETIC[type(sign)], non_null)
            case ast.Call(func=ast.Name(id="len"), args=[argument]):
                self.expect(argument, self.type_of(argument, non_null), _SIZED, " for `len`")
                return INT
            case ast.Call(func=ast.Name(id=function), args=arguments):
                return self._type_of_numbers(arguments, function, non_null)
            case ast.Compare():
                return self._check_comparison(node, non_null)
        return LIST

    def expect(self, node: ast.expr, found: Type, expected: Type, purpose: str = "") -> None:
        """Note a fault unless a part of type `found` may be used as `expected`."""
        if accepts(expected, found):
            return
        if accepts(expected, found.without_null) and found.kinds:
            name = dotted_name(node)
            help = f"test `{name} is not None and …` first" if name else None
            self._fault(node, f"{_quote(node)} may be null, but must be {expected}{purpose}", help=help)
        else:
            self._fault(node, f"{_quote(node)} must be {expected}{purpose}, but is {found}")

    def _type_of_name(self, node: ast.expr, name: str) -> Type:
        if name in self._scope:
            return self._scope[name]
        parts = name.split(".")
        for known in range(len(parts), -1, -1):
            prefix = ".".join(parts[:known])
            below = sorted({other.removeprefix(f"{prefix}.").split(".")[0] for other in self._scope
                            if not prefix or other.startswith(f"{prefix}.")})  # fmt: skip
            if below:
                break
        if known == len(parts):
            self._fault(node, f"`{name}` has no value of its own", expected=f"`{name}` has: {', '.join(below)}")
            return ANY
        siblings = [other for other in self._scope if other.startswith(f"{prefix}.")] if prefix else list(self._scope)
        choices = f"`{prefix}` has: {', '.join(below)}" if prefix else f"known here: {', '.join(below) or 'nothing'}"
        near = _closest_name(parts, known, siblings)
        self._fault(node, f"unknown name `{name}`", near, choices)
        return ANY

    def _type_of_numbers(self, nodes: list[ast.expr], sign: str, non_null: NonNull) -> Type:
        found = [self.type_of(node, non_null) for node in nodes]
        for node, operand in zip(nodes, found, strict=True):
            self.expect(node, operand, NUMBER, f" for `{sign}`")
        return INT if all(operand.kinds == {"int"} for operand in found) else NUMBER

    def _check_comparison(self, node: ast.Compare, non_null: NonNull) -> Type:
        left, first = node.left, self.type_of(node.left, non_null)
        for sign, right in zip(node.ops, node.comparators, strict=True):
            second = self.type_of(right, non_null)
            self._check_pair(left, first, sign, right, second)
            left, first = right, second
        return BOOL

    def _check_pair(self, left: ast.expr, first: Type, sign: ast.cmpop, right: ast.expr, second: Type) -> None:
        word = COMPARISONS[type(sign)]
        match sign:
            case ast.Is() | ast.IsNot():
                pass
            case ast.Eq() | ast.NotEq():
                if not _overlap(first, second):
                    self._fault(left, f"{_quote(left)} is {first} and never equals {second}")
            case ast.In() | ast.NotIn():
                self.expect(right, second, union([LIST, STR]), f" after `{word}`")
                if second.kinds == STR.kinds:
                    self.expect(left, first, STR, f" before `{word}` and a str")
            case _:
                for node, found in ((left, first), (right, second)):
                    self.expect(node, found, _ORDERED, f" for `{word}`")
                if accepts(_ORDERED, first) and accepts(_ORDERED, second) and not _overlap(first, second):
                    self._fault(left, f"{_quote(left)} is {first} and cannot be compared with {second}")

    def _fault(
        self,
        node: ast.expr,
        message: str,
        suggestion: str | None = None,
        expected: str | None = None,
        help: str | None = None,
    ) -> None:
        self.errors.append(ExpressionError(message, *extent(self._text, node), suggestion, expected, help))


def non_null_names(node: ast.expr, truth: bool) -> NonNull:
    """The names that cannot be null once `node` turned out true (or false, with `truth` False)."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return non_null_names(operand, not truth)
        case ast.BoolOp(op=word, values=parts):
            each = [non_null_names(part, truth) for part in parts]
            all_hold = isinstance(word, ast.And) is truth
            return frozenset().union(*each) if all_hold else each[0].intersection(*each)
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if grammar.is_none(right):
            name = dotted_name(left)
            excluded = isinstance(sign, ast.IsNot | ast.NotEq) if truth else isinstance(sign, ast.Is | ast.Eq)
            return frozenset({name}) if name is not None and excluded else frozenset()
    return frozenset()


def _overlap(first: Type, second: Type) -> bool:
    """True if a value of one type can equal a value of the other; a comparison with None is always allowed."""
    if NULL in {first, second} or "any" in first.kinds | second.kinds or (first.nullable and second.nullable):
        return True
    return bool(first.kinds & second.kinds) or bool(first.kinds & NUMBER.kinds and second.kinds & NUMBER.kinds)


def _closest_name(parts: list[str], known: int, siblings: list[str]) -> str | None:
    """The sibling whose next part is most like the mistyped one, else the one most like it as a whole."""
    by_part = {".".join(name.split(".")[known:]): name for name in siblings}
    best = closest(".".join(parts[known:]), by_part)
    return by_part[best] if best else None


def _quote(node: ast.expr) -> str:
    return f"`{ast.unparse(node)}`"
