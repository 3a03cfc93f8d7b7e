"""YAML that cannot be parsed, explained to a person who writes workflows."""

from __future__ import annotations

import re
from typing import Final

import yaml

from ste_graph.language.diagnostics import Diagnostic, Span, source_line
from ste_graph.suggest import closest

_QUOTED: Final = "while scanning a quoted scalar: "

# How PyYAML's sentence begins (its context before a colon where that matters) -> code, message, what was expected.
_SAID: Final[tuple[tuple[str, str, str, str | None], ...]] = (
    ("but found another document", "E106", "there is more than one document", "one, without a `---` inside"),
    ("nested too deeply", "E111", "the document is nested too deeply", None),
    ("mapping values are not allowed", "E103", "a `:` cannot stand here",
     "one `key: value` a line, and quotes around a text with `: ` in it"),
    ("could not find expected ':'", "E103", "a key without its `:` stands before this", "`key: value`"),
    ("expected <block end>", "E103", "this does not fit the block around it", "the indentation of the entries above"),
    ("expected ',' or", "E103", "`,` or the closing bracket is missing here", None),
    ("expected the node content", "E103", "a value is missing here", "a value; in quotes, if it begins with a sign"),
    ("second occurrence", "E103", "the anchor stands twice", None),
    (f"{_QUOTED}found unexpected end of stream", "E103", "the quote is never closed", "the same quote at its end"),
    ("found character", "E103", "a value cannot begin with this sign", "quotes around it"),
)  # fmt: skip


def explained(error: yaml.MarkedYAMLError, name: str) -> Diagnostic:
    """PyYAML's error as a diagnostic. The text must have been remembered under `name`."""
    problem, context = error.problem or "it cannot be read", error.context or ""
    mark, above = error.problem_mark or error.context_mark, error.context_mark
    place = _place(name, mark)
    line = source_line(name, place.line) or ""
    indent = line[: len(line) - len(line.lstrip())]
    if "'\\t'" in problem or "\t" in indent:
        tab = Span(name, place.line, max(line.find("\t"), 0) + 1, 1)
        return Diagnostic("E104", "error", "a tab stands where YAML wants spaces", tab, "indent with spaces")
    if problem.startswith("found undefined alias"):
        return _unknown_alias(error, place)
    code, message, expected = "E103", f"this is not YAML: {problem}", None
    for begins, said_code, said, wanted in _SAID:
        if problem.startswith(begins) or f"{context}: {problem}".startswith(begins):
            code, message, expected = said_code, said, wanted
            break
    if context and f"{context}: ".startswith(_QUOTED) and "end of stream" in problem:
        return Diagnostic(code, "error", message, _place(name, above), expected)
    related: tuple[tuple[Span, str], ...] = ()
    if context and code == "E103" and _place(name, above) != place:
        related = ((_place(name, above), _begins(context)),)
    return Diagnostic(code, "error", message, place, expected, related=related)


def _place(name: str, mark: yaml.Mark | None) -> Span:
    return Span(name, mark.line + 1, mark.column + 1, 1) if mark else Span(name, 1, 1, 1)


def _begins(context: str) -> str:
    if context.startswith("found duplicate anchor"):
        return "it stands here already"
    return re.sub(r"^while (?:scanning|parsing) (?:an?|the) (.*)", r"the \1 begins here", context)


def _unknown_alias(error: yaml.MarkedYAMLError, place: Span) -> Diagnostic:
    alias = (error.problem or "").partition("'")[2].rstrip("'")
    lines = (source_line(place.file, number) or "" for number in range(1, place.line + 1))
    anchors = [anchor for line in lines for anchor in re.findall(r"&([\w-]+)", line)]
    spot = Span(place.file, place.line, place.column, len(alias) + 1)
    near = closest(alias, anchors)
    message = f"no anchor `&{alias}` stands before this alias"
    return Diagnostic("E103", "error", message, spot, suggestion=f"*{near}" if near else None)
