"""The names that a template reads from outside, and its faults, found without rendering it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from jinja2 import Template, TemplateSyntaxError, nodes

from ste_graph.diagnostics import Diagnostic, Span, remember
from ste_graph.prompts.code_parts import blank_text
from ste_graph.prompts.compilation import compile_template
from ste_graph.prompts.jinja_errors import explain_jinja_error
from ste_graph.prompts.names import dotted_name, find_name, private_part
from ste_graph.prompts.template import BLOCKS, FILTERS, KEEPING, TESTS, prompt_environment, turn_role
from ste_graph.prompts.turns import TemplateTurn, find_order_fault
from ste_graph.suggest import closest

_DEEPEST: Final = 50
_LEGAL: Final = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.Scope,
    nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair,
    nodes.Filter, nodes.Test, nodes.Keyword, nodes.Not, nodes.And, nodes.Or, nodes.Compare, nodes.Operand,
    nodes.CondExpr, nodes.Concat, nodes.Add, nodes.Sub, nodes.Neg, nodes.ExtensionAttribute,
)  # fmt: skip
_TAGS: Final[Mapping[type[nodes.Node], str]] = {
    nodes.Include: "include", nodes.Import: "import", nodes.FromImport: "import", nodes.Extends: "extends",
    nodes.Macro: "macro", nodes.CallBlock: "call", nodes.FilterBlock: "filter", nodes.Block: "block",
    nodes.With: "with", nodes.AssignBlock: "set", nodes.ScopedEvalContextModifier: "autoescape",
}  # fmt: skip
_MOST_FAULTS: Final = 20
_MOST_NAMES: Final = 500


@dataclass(frozen=True)
class TemplateReading:
    """The facts about a template that are known without rendering it. `template` is None if it has faults."""

    template: Template | None
    diagnostics: tuple[Diagnostic, ...]
    name_spans: Mapping[str, tuple[int, int, int]]
    """The first place of each name that is read from outside: line and column from 1, and length."""
    tested_names: frozenset[str]
    """The names that a condition or `default` looks at."""
    has_once: bool
    turns: tuple[TemplateTurn, ...]
    """The chat turns, in the order of the file; none where the whole is one message of the user."""


def read_template(text: str, path: str) -> TemplateReading:
    """Parse a template and find the names that it reads and all that is not legal in it."""
    remember(path, text)
    reader = _TemplateReader(text, path)
    template = None
    with suppress(_TooManyFaultsError):
        try:
            tree = prompt_environment().parse(text)
            reader.visit(tree, set(), 0)
            reader.check_turns()
            template = None if reader.diagnostics else compile_template(tree)
        except TemplateSyntaxError as error:
            reader.diagnostics.append(explain_jinja_error(error, text, path))
        except RecursionError:
            reader.fault(reader.line, None, "the template is nested too deeply")
        except _TooManyFaultsError:
            raise
        except Exception as error:  # Jinja and Python refuse in many ways what they cannot compile
            reader.fault(reader.line, None, f"the template cannot be compiled: {type(error).__name__}: {error}")
    return TemplateReading(
        template,
        tuple(reader.diagnostics),
        reader.name_spans,
        frozenset(reader.tested_names),
        reader.has_once,
        tuple(reader.turns),
    )


class _TooManyFaultsError(Exception):
    """The rest of a template need not be read."""


class _TemplateReader:
    """Walks a template, aware of the names that its loops and `set` define."""

    def __init__(self, text: str, path: str) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.name_spans: dict[str, tuple[int, int, int]] = {}
        self.tested_names: set[str] = set()
        self.has_once = False
        self.turns: list[TemplateTurn] = []
        self._turn: TemplateTurn | None = None
        """The turn that is being visited."""
        self._outside: int | None = None
        """The first line of text outside a turn."""
        self.line: int = 1
        """The line of the node visited last."""
        self._path = path
        self._lines = re.split("\r\n|\r|\n", text)
        # All but code is blanked out, so that a name is looked for only in code.
        self._code = blank_text(re.sub("\r\n?", "\n", text))
        self._code_lines = self._code.split("\n")

    def visit(self, node: nodes.Node, local: set[str], depth: int) -> None:
        """Note the names and faults below a node; `local` gains the names that it sets."""
        self.line = node.lineno or self.line
        if depth > _DEEPEST:
            raise RecursionError
        depth += 1
        match node:
            case nodes.Output(nodes=parts) if self._turn is None and self._outside is None:
                self._outside = next(filter(None, map(_text_line, parts)), None)
                self._visit_all(parts, local, depth)
            case nodes.For():
                self._visit_loop(node, local, depth)
            case nodes.If():
                self._visit_branches(node, local, depth)
            case nodes.Assign(target=target, node=value):
                self.visit(value, local, depth)
                local |= self._target_names(target)
            case nodes.Scope(body=body):
                self._visit_scope(body, turn_role(node), node.lineno, local, depth)
            case nodes.Name() | nodes.Getattr() | nodes.Getitem():
                self._visit_value(node, local, depth)
            case nodes.CondExpr(test=test):
                self._note_test(test)
                self._visit_all(node.iter_child_nodes(), local, depth)
            case nodes.Filter(name="default", node=nodes.Node() as operand):
                self._note_test(operand)
                self._visit_all(node.iter_child_nodes(), local, depth)
            case nodes.Filter(name=name) if name not in FILTERS:
                message, expected = f"unknown filter `{name}`", f"one of: {', '.join(FILTERS)}"
                self.fault(node.lineno, rf"\|\s*({re.escape(name)})\b", message, closest(name, FILTERS), expected)
            case nodes.Test(name=name) if name not in TESTS:
                message = f"unknown test `{name}`"
                expected = f"one of: {', '.join(test for test in TESTS if test.isalpha())}"
                self.fault(node.lineno, rf"\b({re.escape(name)})\b", message, closest(name, TESTS), expected)
            case nodes.Call():
                pattern = rf"({re.escape(dotted_name(node.node)[0] or '')}\s*\()"
                example = "use a filter, as in `{{ items | join(', ') }}`"
                self.fault(node.lineno, pattern, "a prompt cannot call anything", help=example)
            case _ if type(node) in _TAGS:
                tag = _TAGS[type(node)]
                form = "`{% set name = value %}` with a block" if tag == "set" else f"`{{% {tag} %}}`"
                message, expected = f"{form} is not part of prompts", f"one of: {BLOCKS}"
                self.fault(node.lineno, rf"\{{%-?\s*({tag}|from)\b", message, expected=expected)
            case _ if not isinstance(node, _LEGAL):
                sign = getattr(node, "operator", None)
                message = f"`{sign or type(node).__name__.lower()}` is not part of prompts"
                self.fault(node.lineno, rf"({re.escape(sign)})" if sign else None, message)
            case _:
                self._visit_all(node.iter_child_nodes(), local, depth)

    def check_turns(self) -> None:
        """Note what is wrong with the chat turns of the whole template."""
        if self.turns and self._outside is not None:
            expected = "all text inside `{% system %}`, `{% user %}` or `{% assistant %}`, or no such block"
            self.fault(self._outside, None, "text outside the turns of the prompt", expected=expected)
        if fault := find_order_fault(self.turns):
            self.fault(fault.turn.line, rf"\{{%-?\s*({fault.turn.role})\b", fault.message, expected=fault.expected)

    def fault(
        self,
        line: int,
        pattern: str | None,
        message: str,
        suggestion: str | None = None,
        expected: str | None = None,
        help: str | None = None,
    ) -> None:
        """Note a fault at the match of `pattern` in the code of a line, or at the whole line."""
        span = Span(self._path, *self._find(line, pattern))
        self.diagnostics.append(Diagnostic("E130", "error", message, span, expected, suggestion, help=help))
        if len(self.diagnostics) >= _MOST_FAULTS:
            raise _TooManyFaultsError

    def _visit_scope(self, body: list[nodes.Node], role: str | None, line: int, local: set[str], depth: int) -> None:
        """Visit the body of a `once` block, or of a chat turn if there is a `role`."""
        outer = self._turn
        if role is not None and outer is not None:
            message = f"`{{% {role} %}}` is inside `{{% {outer.role} %}}`"
            self.fault(line, rf"\{{%-?\s*({role})\b", message, expected=f"`{{% end{outer.role} %}}` first")
        elif role is not None:
            self._turn = TemplateTurn(role, line)
            self.turns.append(self._turn)
        self._visit_all(body, set(local), depth)
        self._turn = outer

    def _visit_all(self, several: Iterable[nodes.Node], local: set[str], depth: int) -> None:
        for node in several:
            self.visit(node, local, depth)

    def _visit_loop(self, node: nodes.For, local: set[str], depth: int) -> None:
        if node.recursive:
            self.fault(node.lineno, r"\b(recursive)\b", "`recursive` is not part of prompts")
        self.visit(node.iter, local, depth)
        inside = local | self._target_names(node.target)
        if node.test is not None:
            self.visit(node.test, inside, depth)
        self._visit_all(node.body, inside | {"loop"}, depth)
        self._visit_all(node.else_, set(local), depth)

    def _visit_branches(self, node: nodes.If, local: set[str], depth: int) -> None:
        match node.test:
            case nodes.Not(node=nodes.Name(name=name)) if name == KEEPING:
                self.has_once = True
            case test:
                self._note_test(test)
                self.visit(test, local, depth)
        ends = []
        for branch in ([*node.body], *([elif_.test, *elif_.body] for elif_ in node.elif_), [*node.else_]):
            ends.append(set(local))
            self._visit_all(branch, ends[-1], depth)
        for other in node.elif_:
            self._note_test(other.test)
        local |= set.intersection(*ends)

    def _note_test(self, test: nodes.Node) -> None:
        """Note the names that a condition looks at, whole or in part."""
        name, rest = dotted_name(test)
        self.tested_names |= {name} if name else set()
        for part in test.iter_child_nodes() if name is None else rest:
            self._note_test(part)

    def _target_names(self, target: nodes.Node) -> set[str]:
        if isinstance(target, nodes.NSRef):
            pattern = rf"\b({target.name}\.{target.attr})\b"
            self.fault(target.lineno, pattern, "`set` needs a plain name, without a dot")
            return set()
        return {name.name for name in [target, *target.find_all(nodes.Name)] if isinstance(name, nodes.Name)}

    def _visit_value(self, node: nodes.Expr, local: set[str], depth: int) -> None:
        """Note a dotted name, and visit the other expressions in it."""
        name, rest = dotted_name(node)
        if name is not None and name.count(".") > _DEEPEST:
            raise RecursionError  # Jinja takes seconds to compile it
        self._visit_all(rest, local, depth)
        if private := private_part(node):
            self.fault(node.lineno, rf"({re.escape(private)})", f"`{private}`: names in prompts cannot start with `_`")
        elif name is not None and name.split(".")[0] not in local and name not in self.name_spans:
            self.name_spans[name] = find_name(node, name.split("."), self._code)
            if len(self.name_spans) > _MOST_NAMES:
                self.fault(node.lineno, None, f"the prompt reads more than {_MOST_NAMES} names")
                raise _TooManyFaultsError

    def _find(self, line: int, pattern: str | None) -> tuple[int, int, int]:
        code = self._code_lines[line - 1] if line <= len(self._code_lines) else ""
        if pattern is not None and (found := re.search(pattern, code)):
            return int(line), found.start(1) + 1, found.end(1) - found.start(1)
        whole = self._lines[line - 1] if line <= len(self._lines) else ""
        return int(line), len(whole) - len(whole.lstrip()) + 1, len(whole.strip())


def _text_line(part: nodes.Node) -> int | None:
    """The line, from 1, on which the text of a part of a template begins; None for blanks."""
    if not isinstance(part, nodes.TemplateData):
        return part.lineno
    return part.lineno + part.data[: -len(part.data.lstrip())].count("\n") if part.data.strip() else None
