"""What a template reads from outside, and whatever in it is not legal, found without rendering it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from jinja2 import TemplateSyntaxError, nodes

from ste_graph.language.diagnostics import Diagnostic, Span, remember
from ste_graph.language.template import BLOCKS, FILTERS, KEEPING, TESTS, environment
from ste_graph.suggest import closest

_DEEPEST: Final = 50
_LEGAL: Final = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.Scope,
    nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair,
    nodes.Filter, nodes.Test, nodes.Keyword, nodes.Not, nodes.And, nodes.Or, nodes.Compare, nodes.Operand,
    nodes.CondExpr, nodes.Concat, nodes.Add, nodes.Sub, nodes.Neg,
)  # fmt: skip
_TAGS: Final[Mapping[type[nodes.Node], str]] = {
    nodes.Include: "include", nodes.Import: "import", nodes.FromImport: "import", nodes.Extends: "extends",
    nodes.Macro: "macro", nodes.CallBlock: "call", nodes.FilterBlock: "filter", nodes.Block: "block",
    nodes.With: "with", nodes.AssignBlock: "set", nodes.ScopedEvalContextModifier: "autoescape",
}  # fmt: skip
_CODE: Final = re.compile(r"\{#.*?#\}|(\{\{.*?\}\}|\{%.*?%\})", re.DOTALL)


@dataclass(frozen=True)
class Reading:
    """What is known of a template without rendering it. `tree` is None where it cannot be parsed."""

    tree: nodes.Template | None
    faults: tuple[Diagnostic, ...]
    places: Mapping[str, tuple[int, int, int]]
    tested: frozenset[str]
    once: bool


def read(text: str, path: str) -> Reading:
    """Parse a template and find what it reads and whatever in it is not legal."""
    remember(path, text)
    reader = _Reader(text, path)
    tree = None
    try:
        tree = environment().parse(text)
        reader.visit(tree, set(), 0)
    except TemplateSyntaxError as error:
        reader.fault(
            error.lineno, None, (error.message or "this is no Jinja").rstrip("."), expected=f"blocks: {BLOCKS}"
        )
    except RecursionError:
        reader.fault(1, None, "the template is nested too deeply")
    return Reading(tree, tuple(reader.faults), reader.places, frozenset(reader.tested), reader.once)


class _Reader:
    """Walks a template with the names that its loops and `set` have bound."""

    def __init__(self, text: str, path: str) -> None:
        self.faults: list[Diagnostic] = []
        self.places: dict[str, tuple[int, int, int]] = {}
        self.tested: set[str] = set()
        self.once = False
        self._path = path
        self._lines = re.split("\r\n|\r|\n", text)
        self._code = re.sub("\r\n?", "\n", text)
        # The same text with all but its code blanked out, so that a name is looked for only where it is one.
        spans = [found.span() for found in _CODE.finditer(self._code) if found[1]]
        inside = {at for start, end in spans for at in range(start, end)}
        blanked = "".join(c if at in inside or c == "\n" else " " for at, c in enumerate(self._code))
        self._code_lines = blanked.split("\n")

    def visit(self, node: nodes.Node, local: set[str], depth: int) -> None:
        """Note reads and faults below a node; `local` gains the names that it sets."""
        if depth > _DEEPEST:
            raise RecursionError
        depth += 1
        match node:
            case nodes.For():
                self._loop(node, local, depth)
            case nodes.If():
                self._branches(node, local, depth)
            case nodes.Assign(target=target, node=value):
                self.visit(value, local, depth)
                local |= self._bound(target)
            case nodes.Scope(body=body):
                self._all(body, set(local), depth)
            case nodes.Name() | nodes.Getattr() | nodes.Getitem():
                self._value(node, local, depth)
            case nodes.CondExpr(test=test):
                self._test(test)
                self._all(node.iter_child_nodes(), local, depth)
            case nodes.Filter(name="default", node=nodes.Node() as filtered):
                self._test(filtered)
                self._all(node.iter_child_nodes(), local, depth)
            case nodes.Filter(name=name) if name not in FILTERS:
                expected = f"filters: {', '.join(FILTERS)}"
                self._refuse(
                    node, rf"\|\s*({re.escape(name)})\b", f"unknown filter `{name}`", closest(name, FILTERS), expected
                )
            case nodes.Test(name=name) if name not in TESTS:
                expected = f"tests: {', '.join(test for test in TESTS if test.isalpha())}"
                self._refuse(
                    node, rf"\b({re.escape(name)})\b", f"unknown test `{name}`", closest(name, TESTS), expected
                )
            case nodes.Call():
                self._refuse(node, rf"({re.escape(dotted(node.node)[0] or '')}\s*\()", "a prompt cannot call anything",
                             expected="use a filter, as in `{{ items | join(', ') }}`")  # fmt: skip
            case _ if type(node) in _TAGS:
                tag = _TAGS[type(node)]
                form = "`{% set name = value %}` with a block" if tag == "set" else f"`{{% {tag} %}}`"
                self._refuse(
                    node, rf"\{{%-?\s*({tag}|from)\b", f"{form} is not part of prompts", expected=f"blocks: {BLOCKS}"
                )
            case _ if not isinstance(node, _LEGAL):
                sign = getattr(node, "operator", None)
                self._refuse(node, rf"({re.escape(sign)})" if sign else None,
                             f"`{sign or type(node).__name__.lower()}` is not part of prompts")  # fmt: skip
            case _:
                self._all(node.iter_child_nodes(), local, depth)

    def fault(
        self, line: int, pattern: str | None, message: str, suggestion: str | None = None, expected: str | None = None
    ) -> None:
        """Note a fault at what `pattern` finds in the code of a line, or at the whole line."""
        span = Span(self._path, *self._place(line, pattern))
        self.faults.append(Diagnostic("E130", "error", message, span, expected, suggestion))

    def _refuse(self, node: nodes.Node, pattern: str | None, message: str, suggestion: str | None = None,
                expected: str | None = None) -> None:  # fmt: skip
        self.fault(node.lineno, pattern, message, suggestion, expected)

    def _all(self, several: Iterable[nodes.Node], local: set[str], depth: int) -> None:
        for node in several:
            self.visit(node, local, depth)

    def _loop(self, node: nodes.For, local: set[str], depth: int) -> None:
        if node.recursive:
            self._refuse(node, r"\b(recursive)\b", "`recursive` is not part of prompts")
        self.visit(node.iter, local, depth)
        inside = local | self._bound(node.target)
        if node.test is not None:
            self.visit(node.test, inside, depth)
        self._all(node.body, inside | {"loop"}, depth)
        self._all(node.else_, set(local), depth)

    def _branches(self, node: nodes.If, local: set[str], depth: int) -> None:
        match node.test:
            case nodes.Not(node=nodes.Name(name=name)) if name == KEEPING:
                self.once = True
            case test:
                self._test(test)
                self.visit(test, local, depth)
        ends = []
        for branch in ([*node.body], *([elif_.test, *elif_.body] for elif_ in node.elif_), [*node.else_]):
            ends.append(set(local))
            self._all(branch, ends[-1], depth)
        for other in node.elif_:
            self._test(other.test)
        local |= set.intersection(*ends)

    def _test(self, test: nodes.Node) -> None:
        """Note the names that a condition looks at, whole or in part."""
        name, rest = dotted(test)
        self.tested |= {name} if name else set()
        for part in test.iter_child_nodes() if name is None else rest:
            self._test(part)

    def _bound(self, target: nodes.Node) -> set[str]:
        if isinstance(target, nodes.NSRef):
            self._refuse(target, rf"\b({target.name}\.{target.attr})\b", "`set` gives a plain name, without a dot")
            return set()
        return {name.name for name in [target, *target.find_all(nodes.Name)] if isinstance(name, nodes.Name)}

    def _value(self, node: nodes.Expr, local: set[str], depth: int) -> None:
        """A name and what is read behind it."""
        name, rest = dotted(node)
        self._all(rest, local, depth)
        if hidden := _hidden(node):
            self._refuse(node, rf"({re.escape(hidden)})", f"`{hidden}`: names do not start with `_` in prompts")
        elif name is not None and name.split(".")[0] not in local and name not in self.places:
            parts = [re.escape(part) for part in name.split(".")]
            whole = r"\s*(?:\.|\[\s*[\"'])\s*".join(parts)
            self.places[name] = self._place(node.lineno, rf"(?<![\w.])({whole}|{parts[0]})(?!\w)")

    def _place(self, line: int, pattern: str | None) -> tuple[int, int, int]:
        code = self._code_lines[line - 1] if line <= len(self._code_lines) else ""
        if pattern is not None and (found := re.search(pattern, code)):
            return line, found.start(1) + 1, found.end(1) - found.start(1)
        whole = self._lines[line - 1] if line <= len(self._lines) else ""
        return line, len(whole) - len(whole.lstrip()) + 1, len(whole.strip())


def dotted(node: nodes.Node) -> tuple[str | None, list[nodes.Node]]:
    """`tool.name` for a name with attributes, and the other expressions inside it, such as indices."""
    match node:
        case nodes.Name(name=name):
            return name, []
        case nodes.Getattr(node=inner, attr=key) | nodes.Getitem(node=inner, arg=nodes.Const(value=str() as key)):
            base, rest = dotted(inner)
            return (f"{base}.{key}" if base and not rest else base), rest
        case nodes.Getitem(node=inner, arg=argument):
            base, rest = dotted(inner)
            return base, [*rest, argument]
    return None, [node]


def _hidden(node: nodes.Node) -> str | None:
    """The part of a dotted name that starts with `_`, if one does."""
    while isinstance(node, nodes.Getattr):
        if node.attr.startswith("_"):
            return node.attr
        node = node.node
    return node.name if isinstance(node, nodes.Name) and node.name.startswith("_") else None
