"""From a parsed template to one that renders within limits of steps and characters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from io import StringIO
from typing import Any, Final

from jinja2 import Template, TemplateRuntimeError, TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.visitor import NodeTransformer

from ste_graph.prompts.template import MOST_CHARACTERS, PlainEnvironment, check_length, environment

MOST_STEPS: Final = 1_000_000
"""The passes of all loops of a template together, for one rendering."""

STEPS: Final = "_steps"
"""The value that counts the passes; no template can name it."""


class StepCounter:
    """Counts the passes of the loops of one rendering."""

    def __init__(self) -> None:
        self.count = 0

    def pass_on(self, items: Iterable[Any]) -> Iterator[Any]:
        """The items. Raises `TemplateRuntimeError` where there were too many."""
        for item in items:
            self.count += 1
            if self.count > MOST_STEPS:
                raise TemplateRuntimeError(f"the loops make more than {MOST_STEPS:,} passes")
            yield item


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


def render_template(template: Template, values: dict[str, Any]) -> str:
    """The text for these values. Raises whatever goes wrong in a template, and an error of Jinja's if it never ends."""
    parts, length = [], 0
    for part in template.generate({**values, STEPS: StepCounter()}):
        length += len(part)
        if length > MOST_CHARACTERS:
            raise TemplateRuntimeError(f"the text is longer than {MOST_CHARACTERS:,} characters")
        parts.append(part)
    return "".join(parts)


class _Limits(NodeTransformer):
    """Counts the passes of loops, and the characters of texts that are put together."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "_passes", [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, "_concat", [], [], None, None, lineno=node.lineno)


@pass_context
def _pass_on(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    counter: StepCounter = context[STEPS]
    return counter.pass_on(items)


def _concat(parts: Iterable[Any]) -> str:
    texts = list(map(str, parts))
    check_length(sum(map(len, texts)))
    return "".join(texts)


def _environment() -> PlainEnvironment:
    env = environment()
    own: dict[str, Callable[..., Any]] = {"_passes": _pass_on, "_concat": _concat}
    env.filters.update(own)
    return env
