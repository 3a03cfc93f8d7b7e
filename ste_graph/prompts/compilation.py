"""From a parsed template to one that counts the steps of a rendering, and the characters of what it puts together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from io import StringIO
from typing import Any, Final, cast

from jinja2 import Template, TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.visitor import NodeTransformer

from ste_graph.prompts.template import PlainEnvironment, check_length, prompt_environment
from ste_graph.prompts.work import StepCounter

STEPS: Final = "_steps"
"""The value that counts the steps, a `StepCounter`; no template can name it."""


def compile_template(tree: nodes.Template) -> Template:
    """The template of a tree, which may be changed by this. Raises `TemplateSyntaxError`."""
    env = _environment()
    source = StringIO()
    generator = env.code_generator_class(env, None, None, source)
    generator.visit(_Limits().visit(tree))
    try:
        code = compile(source.getvalue(), "<template>", "exec")
    except SyntaxError as error:
        line = max((line for line, below in generator.debug_info if below <= (error.lineno or 1)), default=1)
        is_deep = "nested" in error.msg
        raise TemplateSyntaxError("the template is nested too deeply" if is_deep else error.msg, line) from error
    return Template.from_code(env, code, env.make_globals(None), None)


class _Limits(NodeTransformer):
    """Counts the passes of loops, the characters of texts that are put together, and what operations go through."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.iter = _wrap(cast(nodes.Expr, node.iter), "_passes")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:
        self.generic_visit(node)
        return _wrap(nodes.List([_charge(part) for part in node.nodes], lineno=node.lineno), "_concat")

    def visit_Output(self, node: nodes.Output) -> nodes.Output:
        self.generic_visit(node)
        node.nodes = [_charge(part) for part in node.nodes]
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Expr:
        self._charge_operand(node)
        return _charge(node)

    def visit_Test(self, node: nodes.Test) -> nodes.Test:
        self._charge_operand(node)
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:
        self.generic_visit(node)
        node.expr = _charge(node.expr)
        for operand in node.ops:
            operand.expr = _charge(operand.expr)
        return node

    def visit_Add(self, node: nodes.Add) -> nodes.Add:
        self.generic_visit(node)
        node.left, node.right = _charge(node.left), _charge(node.right)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Getitem:
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = _charge(node.node)  # which is copied
        else:
            node.arg = _charge(node.arg)
        return node

    def visit_Pair(self, node: nodes.Pair) -> nodes.Pair:
        self.generic_visit(node)
        node.key = _charge(node.key)
        return node

    def _charge_operand(self, node: nodes.Filter | nodes.Test) -> None:
        self.generic_visit(node)
        node.node = _charge(node.node) if node.node is not None else None
        node.args = [_charge(arg) for arg in node.args]
        for keyword in node.kwargs:
            keyword.value = _charge(keyword.value)


def _charge(node: Any) -> nodes.Expr:
    """The expression, whose value is counted where it is used; one that is written out counts nothing."""
    written = nodes.Const | nodes.TemplateData | nodes.ExtensionAttribute
    return cast(nodes.Expr, node) if isinstance(node, written) else _wrap(node, "_charge")


def _wrap(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


@pass_context
def _pass_on(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    counter: StepCounter = context[STEPS]
    return counter.pass_on(items)


@pass_context
def _charge_value(context: Context, value: Any) -> Any:
    counter: StepCounter = context[STEPS]
    return counter.charge(value)


def _concat(parts: Iterable[Any]) -> str:
    texts = list(map(str, parts))
    check_length(sum(map(len, texts)))
    return "".join(texts)


def _environment() -> PlainEnvironment:
    env = prompt_environment()
    own: dict[str, Callable[..., Any]] = {"_passes": _pass_on, "_charge": _charge_value, "_concat": _concat}
    env.filters.update(own)
    return env
