"""Numbers of a loop, of its passes or of those at once: whole, and known before the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ste_graph.contracts import Json
from ste_graph.language.expressions.expression import Expression, ExpressionError
from ste_graph.language.sections.vocabulary import report_expression, text_at_fault
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.source.tree import MappingNode, Tree
from ste_graph.suggest import closest

BOUND: Final = "a whole number of at least 0, made of numbers and `params.…`"
WIDTH: Final = "a whole number of at least 1, made of numbers and `params.…`"


@dataclass(frozen=True, slots=True)
class Bound:
    """The number under `key` of a loop, which has to be `least` or more."""

    expression: Expression
    tree: Tree
    loop: str
    key: str
    least: int


class BoundReader:
    """Reads numbers of loops. A loop `is_conditional` in a `when`, which may well say when it has nothing to do."""

    def __init__(self, params: MappingNode, findings: Findings, *, is_conditional: bool) -> None:
        self._params = params
        self._param_values = params.to_plain()
        self._findings = findings
        self._is_conditional = is_conditional

    def read(self, bound: Bound) -> int:
        """The number; 1 for an illegal one, which is reported."""
        expression, tree = bound.expression, bound.tree
        for name in sorted(expression.names):
            if not name.startswith("params."):
                message = f"`{bound.key}` of `{bound.loop}` cannot depend on `{name}`, which only the run knows"
                self._findings.error("E231", message, tree.span, expected=WIDTH if bound.least else BOUND)
                return 1
            if not is_param(self._param_values, name):
                known = [f"params.{param}" for param in self._param_values]
                expected = one_of(known, "a number: this workflow has no `params`")
                message = f"unknown name `{name}` in `{bound.key}`"
                self._findings.error("E204", message, tree.span, expected=expected, suggestion=closest(name, known))
                return 1
        value = self._evaluate(bound)
        if value == 0 and not self._is_conditional:
            zero = "" if expression.text == "0" else f": `{expression.text}` is 0"
            self._findings.warning("W234", f"the loop `{bound.loop}` never runs{zero}", tree.span)
        return 1 if value is None else value

    def _evaluate(self, bound: Bound) -> int | None:
        """The value; None for an illegal one, which is reported at the param that causes it."""
        expression, tree = bound.expression, bound.tree
        try:
            value = expression.evaluate(lambda name: param_value(self._param_values, name))
        except ExpressionError as error:
            culprit = text_at_fault(expression, error)
            if culprit in expression.names:
                self._report(culprit, param_value(self._param_values, culprit), bound)
            else:
                report_expression(error, "E231", tree, self._findings)
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < bound.least:
            if expression.text in expression.names:
                self._report(expression.text, value, bound)
            else:
                is_value = f", but is {value!r}" if repr(value) != expression.text else ""
                message = f"`{expression.text}` must be a whole number of at least {bound.least}{is_value}"
                self._findings.error("E231", message, tree.span)
            return None
        return value

    def _report(self, name: str, value: Json, bound: Bound) -> None:
        """Report a param that cannot be used as a bound, at its definition."""
        definition = self._params.at(name.split(".")[1:])
        span = definition.span if definition is not None else bound.tree.span
        related = ((bound.tree.span, f"`{name}` is used as a bound here"),)
        message = f"`{name}` must be a whole number of at least {bound.least}, but is {value!r}"
        self._findings.error("E231", message, span, related=related)


def is_param(params: Mapping[str, Json], name: str) -> bool:
    """True if `params.a.b` has a value."""
    try:
        param_value(params, name)
    except KeyError:
        return False
    return True


def param_value(params: Mapping[str, Json], name: str) -> Json:
    """The value of `params.a.b`. Raises `KeyError` for an unknown name."""
    value: Json = params
    for part in name.split(".")[1:]:
        if not isinstance(value, Mapping):
            raise KeyError(name)
        value = value[part]
    return value
