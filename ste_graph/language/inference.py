"""The type of an expression, and what is wrong with it, before anything runs."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from ste_graph.language import grammar
from ste_graph.language.grammar import COMPARISONS, SUMS, ExpressionError, dotted, extent
from ste_graph.language.types import ANY, BOOL, INT, LIST, NULL, NUMBER, STR, Type, accepts, union
from ste_graph.suggest import closest

Present = frozenset[str]
"""Names that a test before has shown not to be null."""

_CONSTANTS = {bool: BOOL, int: INT, float: NUMBER, str: STR, type(None): NULL}
_ORDERED = union([NUMBER, STR])
_SIZED = Type(frozenset({"str", "list", "object"}))


class Inference:
    """Finds the types in one text. All faults are collected in `errors`; a faulty part has type `any`."""

    def __init__(self, text: str, scope: Mapping[str, Type]) -> None:
        self.errors: list[ExpressionError] = []
        self._text = text
        self._scope = scope

    def type_of(self, node: ast.expr, present: Present = frozenset()) -> Type:
        """The type of a part, where the names `present` are known not to be null."""
        if (name := dotted(node)) is not None:
            found = self._named(node, name)
            return found.present if name in present else found
        match node:
            case ast.Constant(value=value):
                return _CONSTANTS[type(value)]
            case ast.BoolOp(op=word, values=parts):
                for part in parts:
                    self.expect(part, self.type_of(part, present), BOOL)
                    present |= shown(part, isinstance(word, ast.And))
                return BOOL
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self.expect(operand, self.type_of(operand, present), BOOL)
                return BOOL
            case ast.UnaryOp(operand=operand):
                return self._numbers([operand], "-", present)
            case ast.BinOp(left=left, op=sign, right=right):
                return self._numbers([left, right], SUMS[type(sign)], present)
            case ast.Call(func=ast.Name(id="len"), args=[argument]):
                self.expect(argument, self.type_of(argument, present), _SIZED, " for `len`")
                return INT
            case ast.Call(func=ast.Name(id=function), args=arguments):
                return self._numbers(arguments, function, present)
            case ast.Compare():
                return self._compare(node, present)
        return LIST

    def expect(self, node: ast.expr, found: Type, expected: Type, where: str = "") -> None:
        """Note a fault where a part of type `found` cannot stand for `expected`."""
        if accepts(expected, found):
            return
        if accepts(expected, found.present) and found.kinds:
            name = dotted(node) or "this"
            remedy = f"test `{name} is not None and …` first" if dotted(node) else None
            self._fault(node, f"`{name}` may be null, where {expected} is needed{where}", expected=remedy)
        else:
            self._fault(node, f"{_said(node)} is {found}, where {expected} is needed{where}")

    def _named(self, node: ast.expr, name: str) -> Type:
        if name in self._scope:
            return self._scope[name]
        parts = name.split(".")
        for known in range(len(parts), -1, -1):
            prefix = ".".join(parts[:known])
            given = sorted({one.removeprefix(f"{prefix}.").split(".")[0] for one in self._scope
                            if not prefix or one.startswith(f"{prefix}.")})  # fmt: skip
            if given:
                break
        if known == len(parts):
            self._fault(node, f"`{name}` is no value itself", expected=f"`{name}` has: {', '.join(given)}")
            return ANY
        siblings = [one for one in self._scope if one.startswith(f"{prefix}.")] if prefix else list(self._scope)
        listed = f"`{prefix}` has: {', '.join(given)}" if prefix else f"known here: {', '.join(given) or 'nothing'}"
        near = _near(parts, known, siblings)
        self._fault(node, f"unknown name `{name}`", near, listed)
        return ANY

    def _numbers(self, nodes: list[ast.expr], sign: str, present: Present) -> Type:
        found = [self.type_of(node, present) for node in nodes]
        for node, one in zip(nodes, found, strict=True):
            self.expect(node, one, NUMBER, f" for `{sign}`")
        return INT if all(one.kinds == {"int"} for one in found) else NUMBER

    def _compare(self, node: ast.Compare, present: Present) -> Type:
        left, first = node.left, self.type_of(node.left, present)
        for sign, right in zip(node.ops, node.comparators, strict=True):
            second = self.type_of(right, present)
            self._pair(left, first, sign, right, second)
            left, first = right, second
        return BOOL

    def _pair(self, left: ast.expr, first: Type, sign: ast.cmpop, right: ast.expr, second: Type) -> None:
        word = COMPARISONS[type(sign)]
        match sign:
            case ast.Is() | ast.IsNot():
                pass
            case ast.Eq() | ast.NotEq():
                if not _overlap(first, second):
                    self._fault(left, f"{_said(left)} is {first} and never equals {second}")
            case ast.In() | ast.NotIn():
                self.expect(right, second, union([LIST, STR]), f" behind `{word}`")
                if second.kinds == STR.kinds:
                    self.expect(left, first, STR, f" before `{word}` and a str")
            case _:
                for node, one in ((left, first), (right, second)):
                    self.expect(node, one, _ORDERED, f" for `{word}`")
                if accepts(_ORDERED, first) and accepts(_ORDERED, second) and not _overlap(first, second):
                    self._fault(left, f"{_said(left)} is {first} and cannot be compared with {second}")

    def _fault(self, node: ast.expr, message: str, suggestion: str | None = None, expected: str | None = None) -> None:
        self.errors.append(ExpressionError(message, *extent(self._text, node), suggestion, expected))


def shown(node: ast.expr, truth: bool) -> Present:
    """The names that cannot be null once `node` turned out true (or, with `truth` False, turned out false)."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return shown(operand, not truth)
        case ast.BoolOp(op=word, values=parts):
            each = [shown(part, truth) for part in parts]
            everyone_counts = isinstance(word, ast.And) is truth
            return frozenset().union(*each) if everyone_counts else each[0].intersection(*each)
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if grammar.is_none(right):
            name = dotted(left)
            excluded = isinstance(sign, ast.IsNot | ast.NotEq) if truth else isinstance(sign, ast.Is | ast.Eq)
            return frozenset({name}) if name is not None and excluded else frozenset()
    return frozenset()


def _overlap(first: Type, second: Type) -> bool:
    """Whether a value of the one type can equal a value of the other; comparing with None is always allowed."""
    if NULL in {first, second} or "any" in first.kinds | second.kinds or (first.nullable and second.nullable):
        return True
    return bool(first.kinds & second.kinds) or bool(first.kinds & NUMBER.kinds and second.kinds & NUMBER.kinds)


def _near(parts: list[str], known: int, siblings: list[str]) -> str | None:
    """The sibling whose next part is most like the mistyped one, else the one most alike as a whole."""
    by_part = {".".join(one.split(".")[known:]): one for one in siblings}
    best = closest(".".join(parts[known:]), by_part)
    return by_part[best] if best else None


def _said(node: ast.expr) -> str:
    return f"`{ast.unparse(node)}`"
