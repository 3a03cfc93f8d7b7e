"""The Jinja of prompts: sandboxed, over plain data only."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from math import isinf
from types import GeneratorType
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateRuntimeError, TemplateSyntaxError, Undefined, nodes, pass_environment
from jinja2.ext import Extension
from jinja2.filters import do_indent, make_attrgetter
from jinja2.lexer import Lexer
from jinja2.parser import Parser
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ste_graph.contracts import Json

KEEPING: Final = "_keeping"
"""The value that tells a template to leave out its `once` parts; no template can name it."""

FILTERS: Final = (
    "default", "first", "indent", "join", "json", "last", "length", "list", "lower", "map", "reject", "rejectattr",
    "replace", "round", "select", "selectattr", "sort", "title", "trim", "truncate", "unique", "upper",
)  # fmt: skip
TESTS: Final = (
    "defined", "undefined", "none", "string", "number", "boolean", "true", "false", "integer", "float", "mapping",
    "sequence", "iterable", "odd", "even", "divisibleby", "in", "eq", "equalto", "==", "ne", "!=", "lt", "lessthan",
    "<", "le", "<=", "gt", "greaterthan", ">", "ge", ">=",
)  # fmt: skip
BLOCKS: Final = "for, if, once, set, raw, system, user, assistant"

MOST_CHARACTERS: Final = 4 * 1024**2
"""The characters of the longest text that a template may make; no model reads more."""
_MOST_DIGITS: Final = 30
_WIDEST: Final = 1000
"""The most blanks by which a text may be indented."""

_LOOP: Final = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"}
)


class Mark(int):
    """A line number of a template that also knows the character, from 0, at which its token begins."""

    offset: int

    def __new__(cls, line: int, offset: int) -> Mark:
        mark = super().__new__(cls, line)
        mark.offset = offset
        return mark


class MarkingLexer(Lexer):
    """Jinja's lexer; the line numbers of its tokens and errors are marks."""

    def tokeniter(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> Iterator[tuple[int, str, str]]:
        text = re.sub("\r\n?", "\n", source)
        at = end = 0
        try:
            for line, kind, value in super().tokeniter(source, name, filename, state):
                at = max(text.find(value, end), end)
                if kind in ("integer", "float") and (
                    len(value) > _MOST_DIGITS or isinf(float(int(value, 0) if kind == "integer" else value))
                ):
                    end = at
                    raise TemplateSyntaxError("the number is too large", line)
                end = at + len(value)
                yield Mark(line, at), kind, value
        except TemplateSyntaxError as error:
            unclosed = (error.message or "").startswith("Missing end")
            error.lineno = Mark(error.lineno, at if unclosed else end + len(text[end:]) - len(text[end:].lstrip()))
            raise


class Once(Extension):
    """`{% once %}…{% endonce %}`: shown to the model this time, not kept in the transcript."""

    tags = {"once"}  # noqa: RUF012  # Jinja's own interface

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endonce",), drop_needle=True)
        return nodes.If(nodes.Not(nodes.Name(KEEPING, "load")), [nodes.Scope(body)], [], [], lineno=line)


class ChatTurn(Extension):
    """`{% system %}…{% endsystem %}`, and the same with `user` and `assistant`: a message of its own.

    In the rendered text a turn begins and ends with `boundary`, which no template can name and no value can know.
    """

    tags = {"system", "user", "assistant"}  # noqa: RUF012  # Jinja's own interface
    boundary: Final = f"\x02{secrets.token_hex(16)}\x03"

    def parse(self, parser: Parser) -> nodes.Node:
        tag = next(parser.stream)
        body = parser.parse_statements((f"name:end{tag.value}",), drop_needle=True)
        return nodes.Scope([self._mark(tag.value, tag.lineno), *body, self._mark("end", tag.lineno)], lineno=tag.lineno)

    def _mark(self, what: str, line: int) -> nodes.Output:
        data = nodes.TemplateData(what, lineno=line)
        return nodes.Output([self.attr("boundary", lineno=line), data, self.attr("boundary", lineno=line)], lineno=line)


def turn_role(node: nodes.Node) -> str | None:
    """`system`, `user` or `assistant` for a chat turn of a template, None for any other node."""
    match node:
        case nodes.Scope(
            body=[nodes.Output(nodes=[nodes.ExtensionAttribute(), nodes.TemplateData(data=role), *_]), *_]
        ):
            return str(role)
    return None


class PlainEnvironment(ImmutableSandboxedEnvironment):
    """Sees plain data only: a dot reads an entry of an object or a fact of a loop, never a Python attribute."""

    @cached_property
    def lexer(self) -> Lexer:
        return MarkingLexer(self)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, LoopContext):
            return getattr(obj, attribute) if attribute in _LOOP else self.undefined(f"`loop` has no `{attribute}`")
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        try:
            return obj[argument]
        except (LookupError, TypeError):
            return self.undefined(_missing(obj, argument))

    intercepted_binops = frozenset({"+"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, str | list) and isinstance(right, str | list):
            check_length(len(left) + len(right))
        return super().call_binop(context, operator, left, right)

    def is_safe_callable(self, obj: Any) -> bool:
        return False


def _missing(value: Any, key: object) -> str:
    if isinstance(value, Mapping):
        return f"unknown name `{key}`; known: {', '.join(sorted(map(str, value))) or 'nothing'}"
    return f"`{key}` is read from a value that is {'null' if value is None else type(value).__name__}"


@cache
def prompt_environment() -> PlainEnvironment:
    """The one environment of all prompts."""
    env = PlainEnvironment(
        undefined=StrictUndefined, extensions=[Once, ChatTurn], trim_blocks=True, lstrip_blocks=True, finalize=to_text
    )
    env.globals.clear()
    env.policies["truncate.leeway"] = 0  # `truncate(n)` means n
    own = {"json": as_json, "default": default, "join": join, "indent": indent, "replace": replace}
    env.filters = {name: own.get(name) or env.filters[name] for name in FILTERS}
    env.tests = {name: env.tests[name] for name in TESTS}
    return env


def to_text(value: Any) -> Any:
    """The text of `{{ value }}`: nothing for null, JSON for bools, lists and objects."""
    if value is None:
        return ""
    if isinstance(value, str | int | float | Undefined) and not isinstance(value, bool):
        return value
    return as_json(value)


def as_json(value: Any) -> str:
    """The filter `json`: a value on one line, with the letters of all languages as they are."""
    if isinstance(value, Undefined):
        return str(value)  # raises the error that names what is missing
    if isinstance(value, GeneratorType):
        value = list(value)
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        raise TemplateRuntimeError("this value is not plain data and cannot be printed") from None
    except RecursionError:
        raise TemplateRuntimeError("this value is nested too deeply to be printed") from None


def default(value: Any, other: Json = "") -> Any:
    """The filter `default`: `other` for a value that is null or undefined."""
    return other if value is None or isinstance(value, Undefined) else value


@pass_environment
def join(env: PlainEnvironment, value: Iterable[Any], separator: str = "", attribute: str | int | None = None) -> str:
    """The filter `join`: the texts of the items, with `separator` between them."""
    items = value if attribute is None else map(make_attrgetter(env, attribute), value)
    texts = [str(to_text(item)) for item in items]
    check_length(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def indent(text: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    """The filter `indent`: Jinja's, with a limit to its width."""
    columns = len(width) if isinstance(width, str) else width
    if columns > _WIDEST:
        raise TemplateRuntimeError(f"the width of `indent` is larger than {_WIDEST}")
    check_length(len(text) + columns * (text.count("\n") + 1))
    return do_indent(text, width, first, blank)


def replace(text: str, old: str, new: str, count: int = -1) -> str:
    """The filter `replace`: the text with `new` for each `old`, or for the first so many."""
    check_length(len(str(text)) + len(str(new)) * str(text).count(str(old)))
    return str(text).replace(str(old), str(new), count)


def check_length(length: int) -> None:
    """Raise `TemplateRuntimeError` if a text or a list gets too long."""
    if length > MOST_CHARACTERS:
        raise TemplateRuntimeError(f"a text or list is longer than {MOST_CHARACTERS:,}")
