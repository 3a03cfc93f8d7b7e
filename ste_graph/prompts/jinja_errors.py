"""Explanations of Jinja that cannot be parsed, at the exact place."""

from __future__ import annotations

import re
from typing import Final

from jinja2 import TemplateSyntaxError

from ste_graph.diagnostics import Diagnostic, Span
from ste_graph.prompts.template import BLOCKS, Mark, prompt_environment
from ste_graph.suggest import closest

_TOKENS: Final = {
    "end of print statement": "`}}`",
    "end of statement block": "`%}`",
    "begin of print statement": "`{{`",
    "begin of statement block": "`{%`",
    "end of template": "the end of the prompt",
    "name": "a name",
}
"""Jinja's names of tokens as a prompt spells them."""


def explain_jinja_error(error: TemplateSyntaxError, text: str, path: str) -> Diagnostic:
    """Jinja's error as a diagnostic, in the words of someone who writes a prompt."""
    text = re.sub("\r\n?", "\n", text)
    jinja = (error.message or "this is not Jinja").rstrip(".")
    offset = error.lineno.offset if isinstance(error.lineno, Mark) else _line_offset(text, error.lineno)
    expected = suggestion = None
    length = len((re.match(r"\w+|\S", text[offset:]) or [" "])[0])
    match = re.match
    if found := match(r"Unexpected end of template\. .*block that needs to be closed is '(\w+)'", jinja):
        offset, length = _innermost_open_block(text)
        message, expected = f"`{{% {found[1]} %}}` is never closed", f"`{{% end{found[1]} %}}`"
    elif found := match(r"unexpected end of template, expected '(.*)'", jinja):
        offset = max(text.rfind("{{"), text.rfind("{%"), 0)
        length = 2
        message, expected = f"`{text[offset : offset + 2]}` is never closed", _token(found[1])
    elif found := match(r"Encountered unknown tag '(\w+)'", jinja):
        name = found[1]
        message = f"unknown block `{{% {name} %}}`"
        suggestion = closest(name, BLOCKS.split(", "))
        expected = f"one of: {BLOCKS}"
        if name.startswith("end") or name in ("else", "elif"):
            inner = re.search(r"needs to be closed is '(\w+)'", jinja)
            message, suggestion = f"unexpected `{{% {name} %}}`", None
            expected = f"`{{% end{inner[1]} %}}` first" if inner else "a block that is open here"
    elif found := match(r"expected token '(.*)', got '(.*)'", jinja):
        message, expected = f"unexpected {_token(found[2])}", _token(found[1])
    elif found := match(r"Expected an expression, got '(.*)'", jinja):
        message = f"missing expression before {_token(found[1])}"
    elif found := match(r"unexpected char (?:'(.)'|\"(.)\") at \d+", jinja):
        sign = found[1] or found[2]
        message = "unclosed quote" if sign in "'\"" else f"unexpected `{sign}`"
    elif found := match(r"unexpected '(.)'(?:, expected '(.)')?", jinja):
        message, expected = f"unexpected `{found[1]}`", f"`{found[2]}`" if found[2] else None
    elif found := match(r"Missing end of (comment tag|raw directive)", jinja):
        opening, closing = ("{#", "#}") if found[1] == "comment tag" else ("{% raw %}", "{% endraw %}")
        message, expected = f"`{opening}` is never closed", f"`{closing}`"
    else:
        message = jinja[0].lower() + jinja[1:]
    return Diagnostic("E130", "error", message, _span(text, path, offset, length), expected, suggestion)


def _token(name: str) -> str:
    return _TOKENS.get(name, f"`{name}`")


def _line_offset(text: str, line: int) -> int:
    """The offset of the first character of a line that is not a space."""
    start = len("\n".join(text.split("\n")[: line - 1])) + (line > 1)
    rest = text[start:]
    return start + len(rest) - len(rest.lstrip(" \t"))


def _span(text: str, path: str, offset: int, length: int) -> Span:
    before = text[:offset]
    return Span(path, before.count("\n") + 1, offset - before.rfind("\n"), max(1, length))


def _innermost_open_block(text: str) -> tuple[int, int]:
    """The offset and the length of the tag that opens the block which is not closed."""
    open_tags: list[int] = []
    begin: int | None = None
    for mark, kind, value in prompt_environment().lexer.tokeniter(text, None):
        if kind == "block_begin":
            begin = mark.offset if isinstance(mark, Mark) else 0
        elif kind == "name" and begin is not None:
            if value.startswith("end"):
                open_tags = open_tags[:-1]
            elif value in ("if", "for", "once", "system", "user", "assistant") or (
                value == "set" and "=" not in text[begin:].partition("%}")[0]
            ):
                open_tags.append(begin)
            begin = None
    offset = open_tags[-1] if open_tags else 0
    return offset, len(text[offset:].partition("%}")[0]) + 2
