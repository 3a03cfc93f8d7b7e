"""The grammar of expressions: text to a tree of allow-listed `ast` nodes."""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

LONGEST: Final = 400
"""The most characters of an expression."""
DEEPEST: Final = 20
"""The most levels of nesting."""
LARGEST: Final = 2**63
"""The bound of whole numbers, up and down, so that no expression can fill the memory."""

FUNCTIONS: Final = ("abs", "len", "max", "min")
COMPARISONS: Final[Mapping[type[ast.cmpop], str]] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip
ARITHMETIC: Final[Mapping[type[ast.operator], str]] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}

_LEGAL: Final = "and or not, comparisons, in, is None, + - * on numbers, constants, dotted names, len min max abs"
_FOREIGN: Final = (("&&", "and"), (r"\|\|", "or"), (r"!(?!=)", "not"), (r"(?<![=!<>:])=(?!=)", "=="))
_PYTHON: Final = {"true": "True", "false": "False", "null": "None", "none": "None"}
_CONSTRUCTS: Final[Mapping[type[ast.AST], str]] = {
    ast.Lambda: "a lambda", ast.ListComp: "a comprehension", ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension", ast.GeneratorExp: "a comprehension", ast.JoinedStr: "an f-string",
    ast.Subscript: "`[…]` after a value", ast.NamedExpr: "`:=`", ast.IfExp: "`if … else`", ast.Pow: "`**`",
    ast.Div: "`/`", ast.FloorDiv: "`//`", ast.Mod: "`%`", ast.Call: "a call", ast.Attribute: "`.` after a value",
    ast.Dict: "`{…}`", ast.Set: "`{…}`", ast.Tuple: "a tuple", ast.Starred: "`*` before a value", ast.Await: "`await`",
}  # fmt: skip


class ExpressionError(Exception):
    """A fault at the characters `start` to `end` of an expression; see `Diagnostic` for the other fields."""

    def __init__(
        self,
        message: str,
        start: int,
        end: int,
        suggestion: str | None = None,
        expected: str | None = None,
        help: str | None = None,
    ) -> None:
        super().__init__(message, start, end, suggestion, expected, help)
        self.message = message
        self.start = start
        self.end = end
        self.suggestion = suggestion
        self.expected = expected
        self.help = help

    def __str__(self) -> str:
        return self.message


def parse_legal_expression(text: str) -> ast.expr:
    """The tree of a legal expression. Raises `ExpressionError` for every other text."""
    if len(text) > LONGEST:
        raise ExpressionError(
            f"an expression has at most {LONGEST} characters, this one has {len(text)}", LONGEST, len(text)
        )
    if not text.strip():
        raise ExpressionError("the expression is empty", 0, len(text))
    bare = text.strip()
    if line_break := re.search(r"[\n\r]", bare):
        at = text.index(bare) + line_break.start()
        raise ExpressionError("an expression must be on one line", at, at + 1)
    if braces := re.match(r"\$\{\{?|\{\{", bare):
        at = text.index(bare)
        raise ExpressionError("an expression has no braces around it", at, at + braces.end(), expected=_LEGAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as the one for an unknown escape in a text
            tree = ast.parse(bare, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _explain_syntax(text, error) from None
    _refuse_illegal(text, tree, 1)
    return tree


def extent(text: str, node: ast.expr) -> tuple[int, int]:
    """The first and the last character of a node in its text (`ast` counts bytes)."""
    lead = len(text) - len(text.lstrip())
    raw = text.lstrip().encode()
    start, end = (len(raw[:at].decode(errors="replace")) for at in (node.col_offset, node.end_col_offset or len(raw)))
    return lead + start, lead + end


def dotted_name(node: ast.expr) -> str | None:
    """`call.finished` for a name with attributes, None for all else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute) if (base := dotted_name(value)) is not None:
            return f"{base}.{attribute}"
    return None


def operands(node: ast.expr) -> list[ast.expr]:
    """The expressions inside a legal node; a dotted name has none."""
    match node:
        case ast.BoolOp(values=inside) | ast.Call(args=inside) | ast.List(elts=inside):
            return inside
        case ast.UnaryOp(operand=operand):
            return [operand]
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.Compare(left=left, comparators=others):
            return [left, *others]
    return []


def dotted_names(tree: ast.expr) -> Iterator[str]:
    """The dotted names in a legal tree."""
    if (name := dotted_name(tree)) is not None:
        yield name
    for part in operands(tree):
        yield from dotted_names(part)


def is_none(node: ast.expr) -> bool:
    """True for the constant None."""
    return isinstance(node, ast.Constant) and node.value is None


def _refuse_illegal(text: str, node: ast.expr, depth: int) -> None:
    objection = (
        _Objection(f"an expression is at most {DEEPEST} levels deep", None) if depth > DEEPEST else _objection(node)
    )
    if objection is not None:
        raise ExpressionError(objection.message, *extent(text, node), objection.suggestion, objection.expected)
    for part in operands(node):
        _refuse_illegal(text, part, depth + 1)


class _Objection(NamedTuple):
    message: str
    expected: str | None = _LEGAL
    suggestion: str | None = None


def _objection(node: ast.expr) -> _Objection | None:
    """The objection to a node itself, without its operands; None if it is legal."""
    if (name := dotted_name(node)) is not None:
        return _name_objection(name)
    match node:
        case ast.Constant(value=value):
            return _constant_objection(value)
        case ast.BoolOp() | ast.UnaryOp(op=ast.Not() | ast.USub()):
            return None
        case ast.Compare(ops=signs, comparators=others):
            for sign, other in zip(signs, others, strict=True):
                if isinstance(sign, ast.Is | ast.IsNot) and not is_none(other) and dotted_name(other) not in _PYTHON:
                    return _Objection(f"`{COMPARISONS[type(sign)]}` compares only with None", "`==` or `!=`")
            return None
        case ast.BinOp(op=operator):
            name = _CONSTRUCTS.get(type(operator), "this operator")
            return None if type(operator) in ARITHMETIC else _Objection(f"{name} is not part of expressions")
        case ast.Call(func=ast.Name(id=function), args=arguments, keywords=keywords):
            return _call_objection(function, len(arguments), bool(keywords))
        case ast.List(elts=items):
            return (
                None
                if all(map(_is_constant, items))
                else _Objection("a list in an expression holds only constants", None)
            )
    return _Objection(f"{_CONSTRUCTS.get(type(node), 'this')} is not part of expressions")


def _name_objection(name: str) -> _Objection | None:
    if name in _PYTHON:
        return _Objection(f"unknown name `{name}`", None, _PYTHON[name])
    if any(part.startswith("_") for part in name.split(".")):
        return _Objection(f"`{name}`: names do not start with `_` here", None)
    return None


def _constant_objection(value: object) -> _Objection | None:
    if value is None or isinstance(value, bool | str):
        return None
    if not isinstance(value, int | float):
        return _Objection(f"{type(value).__name__} is not part of expressions")
    too_large = abs(value) >= LARGEST if isinstance(value, int) else not math.isfinite(value)
    return _Objection("the number is too large", None) if too_large else None


def _call_objection(function: str, count: int, keywords: bool) -> _Objection | None:
    if function not in FUNCTIONS:
        return _Objection(f"`{function}(…)` cannot be called here", f"functions: {' '.join(FUNCTIONS)}")
    several = function in {"min", "max"}
    if keywords or not (count >= 2 if several else count == 1):
        return _Objection(f"`{function}` takes {'two or more values' if several else 'one value'}", None)
    return None


def _is_constant(node: ast.expr) -> bool:
    match node:
        case ast.Constant():
            return True
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            return True
        case ast.List(elts=items):
            return all(map(_is_constant, items))
    return False


def _explain_syntax(text: str, error: Exception) -> ExpressionError:
    """Python's syntax error as ours, with the words that people most often bring from other languages."""
    outside = re.sub(r"'[^']*'|\"[^\"]*\"", lambda quoted: "_" * len(quoted[0]), text)
    for pattern, word in _FOREIGN:
        if found := re.search(pattern, outside):
            return ExpressionError(f"`{found[0]}` is not part of expressions", found.start(), found.end(), word)
    if isinstance(error, SyntaxError) and error.offset is not None:
        lead = len(text) - len(text.lstrip())
        start = min(lead + max(error.offset - 1, 0), len(text) - 1)
        end = lead + error.end_offset - 1 if error.end_offset and error.end_lineno == error.lineno else start + 1
        return ExpressionError("this is not an expression", start, min(max(end, start + 1), len(text)), expected=_LEGAL)
    return ExpressionError("this is not an expression", 0, len(text), expected=_LEGAL)
