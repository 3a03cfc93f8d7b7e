"""Expressions of a workflow as Python code that reads the state of a step."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ste_graph.coded.writing.layout import WIDTH, string_literal
from ste_graph.coded.writing.names import Imports, channel
from ste_graph.compile.channels import output_channel
from ste_graph.compile.flow import Flow
from ste_graph.language.blocks import Map
from ste_graph.language.expressions import grammar
from ste_graph.language.expressions.expression import Expression

_OPPOSITES: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExpressionWriter:
    """Writes the expressions of one workflow, for code in which `step` and `state` are known."""

    flow: Flow
    imports: Imports

    def value(self, expression: Expression) -> str:
        """The code of a value."""
        return _unparse(self._translate(grammar.parse_legal_expression(expression.text)))

    def condition(self, expression: Expression, *, negated: bool = False) -> str:
        """The code of a condition, or of its opposite."""
        tree = self._translate(grammar.parse_legal_expression(expression.text))
        return _unparse(_negate(tree) if negated else tree)

    def bound(self, text: object, value: int) -> str:
        """The code of a loop's bound: what the file says where that has this value, else the number."""
        if not isinstance(text, str):
            return str(value)
        return self.value(Expression(text))

    def name(self, dotted: str) -> str:
        """The code that reads a dotted name."""
        flow, workflow = self.flow, self.flow.workflow
        first, *rest = dotted.split(".")
        if first == "params":
            return "PARAMS" + "".join(f"[{string_literal(key)}]" for key in rest)
        if first == "data":
            return self._below(f"step.data[{string_literal(rest[0])}]", rest[1:]) if rest else "step.data"
        if first in flow.heads:
            if isinstance(flow.heads[first].block, Map):
                return f"step.item({', '.join(map(string_literal, (first, *rest)))})"
            return channel(first)
        if first == workflow.unit:
            return self._below(channel(first), rest)
        if first in workflow.nodes and rest and (found := output_channel(first, rest[0])) in flow.channels:
            return self._below(channel(found), rest[1:])
        return "None"  # a node that is off

    def _below(self, code: str, keys: Sequence[str]) -> str:
        if not keys:
            return code
        return f"{self.imports.add('ste_graph.coded', 'look_up')}({', '.join([code, *map(string_literal, keys)])})"

    def _translate(self, tree: ast.expr) -> ast.expr:
        translated: ast.expr = _NameTranslator(self).visit(tree)
        return ast.fix_missing_locations(translated)


class _NameTranslator(ast.NodeTransformer):
    """Replaces dotted names by the code that reads them."""

    def __init__(self, writer: ExpressionWriter) -> None:
        self._writer = writer

    def visit_Attribute(self, node: ast.Attribute | ast.Name) -> ast.expr:
        dotted = grammar.dotted_name(node)
        return node if dotted is None else ast.parse(self._writer.name(dotted), mode="eval").body

    visit_Name = visit_Attribute

    def visit_Call(self, node: ast.Call) -> ast.expr:
        node.args = [self.visit(argument) for argument in node.args]
        return node


def _negate(tree: ast.expr) -> ast.expr:
    match tree:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand
        case ast.Compare(left=left, ops=[sign], comparators=[right]):
            return ast.Compare(left, [_OPPOSITES[type(sign)]()], [right])
    return ast.UnaryOp(ast.Not(), tree)


def _unparse(tree: ast.expr) -> str:
    """The code of a tree, with texts in double quotes."""
    code = ast.unparse(ast.fix_missing_locations(tree))
    tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    parts, end = [], 0
    for token in tokens:
        if token.type == tokenize.STRING:
            parts += [code[end : token.start[1]], string_literal(ast.literal_eval(token.string))]
            end = token.end[1]
    return "".join([*parts, code[end:]])


def wrap_condition(code: str, *, indent: int, before: int) -> str:
    """A condition, broken at its `and` and `or` where it does not fit on a line, as ruff breaks it."""
    tree = ast.parse(code, mode="eval").body
    if before + len(code) + 1 <= WIDTH or not isinstance(tree, ast.BoolOp):
        return code
    *earlier, last = tree.values
    word = _word(tree.op)
    opening = "".join(f"{_operand(part)} {word} " for part in earlier) + "("
    if isinstance(last, ast.BoolOp) and before + len(opening) <= WIDTH:
        return f"{opening}\n{_lines(last, indent)}\n{' ' * indent})"
    return f"(\n{_lines(tree, indent)}\n{' ' * indent})"


def _lines(tree: ast.BoolOp, indent: int) -> str:
    parts = [_operand(part) for part in tree.values]
    return "\n".join(
        f"{' ' * (indent + 4)}{f'{_word(tree.op)} ' if number else ''}{part}" for number, part in enumerate(parts)
    )


def _operand(tree: ast.expr) -> str:
    """The code of a part of a condition, in parentheses where it has parts itself."""
    return f"({_unparse(tree)})" if isinstance(tree, ast.BoolOp) else _unparse(tree)


def _word(sign: ast.boolop) -> str:
    return "or" if isinstance(sign, ast.Or) else "and"
