"""Explanations of YAML that cannot be parsed, for people who write workflows."""

from __future__ import annotations

import re
from typing import Final

import yaml

from ste_graph.diagnostics import Diagnostic, Span, source_line
from ste_graph.suggest import closest

_QUOTED: Final = "while scanning a quoted scalar: "

# The start of PyYAML's sentence (its context before a colon where that matters) -> code, message, what is expected.
_EXPLANATIONS: Final[tuple[tuple[str, str, str, str | None], ...]] = (
    ("but found another document", "E106", "the file holds more than one document", "one, without a `---` inside"),
    ("nested too deeply", "E111", "the document is nested too deeply", None),
    ("mapping values are not allowed", "E103", "unexpected `:`",
     "one `key: value` a line, and quotes around a text with `: ` in it"),
    ("could not find expected ':'", "E103", "this key has no `:`", "`key: value`"),
    ("expected <block end>", "E103", "this line does not fit the block around it",
     "the indentation of the entries above"),
    ("expected ',' or", "E103", "missing `,` or closing bracket", None),
    ("expected the node content", "E103", "missing value", "a value; in quotes if it begins with a sign"),
    ("second occurrence", "E103", "duplicate anchor", None),
    (f"{_QUOTED}found unexpected end of stream", "E103", "unclosed quote", "the same quote at the end of the text"),
    ("found character", "E103", "a value cannot begin with this sign", "quotes around it"),
)  # fmt: skip


def explain_yaml_error(error: yaml.MarkedYAMLError, name: str) -> Diagnostic:
    """PyYAML's error as a diagnostic. The text must have been remembered under `name`."""
    problem, context = error.problem or "it cannot be read", error.context or ""
    mark, above = error.problem_mark or error.context_mark, error.context_mark
    place = _span_at(name, mark)
    line = source_line(name, place.line) or ""
    if "'\\t'" in problem or "\t" in _indent(line):
        tab = Span(name, place.line, max(line.find("\t"), 0) + 1, 1)
        return Diagnostic("E104", "error", "tab in the indentation", tab, "spaces")
    if problem.startswith("found undefined alias"):
        return _unknown_alias(error, place)
    if (dash := _missing_sign(problem, place, _span_at(name, above))) is not None:
        return dash
    code, message, expected = "E103", f"this is not YAML: {problem}", None
    for start, own_code, own_message, own_expected in _EXPLANATIONS:
        if problem.startswith(start) or f"{context}: {problem}".startswith(start):
            code, message, expected = own_code, own_message, own_expected
            break
    if context and (f"{context}: ".startswith(_QUOTED) and "end of stream" in problem):
        return Diagnostic(code, "error", message, _span_at(name, above), expected)
    if problem.startswith("could not find expected ':'"):  # found only when the next line begins
        return Diagnostic(code, "error", message, _line_span(_span_at(name, above)), expected)
    related: tuple[tuple[Span, str], ...] = ()
    if context and code == "E103" and _span_at(name, above) != place:
        related = ((_span_at(name, above), _describe_context(context)),)
    return Diagnostic(code, "error", message, place, expected, related=related)


def _missing_sign(problem: str, place: Span, above: Span) -> Diagnostic | None:
    """The diagnostic of an item without its dash, or a key without its colon; None for an error of another kind."""
    if problem.startswith("could not find expected ':'"):
        return _missing_in_key(_line_span(above))
    if problem.startswith("expected <block end>"):
        return _missing_in_block(_line_span(place), _line_span(above))
    if problem.startswith("mapping values are not allowed"):
        return _missing_in_text(place)
    return None


def _missing_in_key(key: Span) -> Diagnostic | None:
    """For a key whose colon was looked for in vain: an item of a list rather than a key."""
    text = _text_at(key)
    if re.match(r"-[^\s-]", text):
        return Diagnostic("E103", "error", "missing space after `-`", key, f"`- {text[1:]}`")
    return _dash_before(key) if _has_dash_next_to(key) else None


def _missing_in_block(line: Span, above: Span) -> Diagnostic | None:
    """For a line at the column of the dashes of a list: neither an item nor a part of one."""
    if above.column != line.column or above.line == line.line or not _text_at(above).startswith("-"):
        return None
    message = f"`{_text_at(line)}` neither begins with `- ` nor is indented below the item before it"
    return Diagnostic("E103", "error", message, line, "`- ` before it, or more indentation")


def _missing_in_text(place: Span) -> Diagnostic | None:
    """For a `:` inside a text: the lines before it were read as one text, because one of them lacks a sign."""
    line = source_line(place.file, place.line) or ""
    column = len(_indent(line)) + 1
    before = _line_before(place)
    if line.lstrip().startswith("- "):
        while before is not None and before.column == column:
            if re.fullmatch(r"\w[\w-]*", _text_at(before)):
                return _dash_before(before)
            before = _line_before(before)
    elif before is not None and re.fullmatch(r"- *[\w-]+", _text_at(before)):
        if re.fullmatch(r"\s*\w+", line[: place.column - 1]):
            return _dash_before(_line_span(Span(place.file, place.line, column, 1)))
    elif before is not None and before.column == column and ":" not in _text_at(before):
        return Diagnostic("E103", "error", "this key has no `:`", before, "`key: value`")
    return None


def _dash_before(span: Span) -> Diagnostic:
    text = _text_at(span)
    return Diagnostic(
        "E103", "error", f"missing `- ` before `{text}`", span, f"`- {text}`, in line with the other items"
    )


def _has_dash_next_to(span: Span) -> bool:
    """True if the line before or after begins with a dash at the same column."""
    before = _line_before(span)
    after = (source_line(span.file, span.line + 1) or "")[span.column - 1 :]
    return after.startswith("-") or (before is not None and before.column == span.column and _text_at(before)[0] == "-")


def _line_before(span: Span) -> Span | None:
    """The last line with content before a place; None at the top of the file."""
    for number in range(span.line - 1, 0, -1):
        text = source_line(span.file, number) or ""
        if text.strip() and not text.lstrip().startswith("#"):
            return Span(span.file, number, len(_indent(text)) + 1, len(text.strip()))
    return None


def _line_span(span: Span) -> Span:
    """The place from a column to the end of its line."""
    return Span(span.file, span.line, span.column, max(1, len(_text_at(span))))


def _text_at(span: Span) -> str:
    """The text from a column to the end of its line."""
    return (source_line(span.file, span.line) or "")[span.column - 1 :].rstrip()


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _span_at(name: str, mark: yaml.Mark | None) -> Span:
    return Span(name, mark.line + 1, mark.column + 1, 1) if mark else Span(name, 1, 1, 1)


def _describe_context(context: str) -> str:
    if context.startswith("found duplicate anchor"):
        return "first used here"
    return re.sub(r"^while (?:scanning|parsing) (?:an?|the) (.*)", r"the \1 begins here", context)


def _unknown_alias(error: yaml.MarkedYAMLError, place: Span) -> Diagnostic:
    alias = (error.problem or "").partition("'")[2].rstrip("'")
    lines = (source_line(place.file, number) or "" for number in range(1, place.line + 1))
    anchors = [anchor for line in lines for anchor in re.findall(r"&([\w-]+)", line)]
    spot = Span(place.file, place.line, place.column, len(alias) + 1)
    near = closest(alias, anchors)
    message = f"unknown anchor `&{alias}`"
    return Diagnostic("E103", "error", message, spot, "an anchor above this line", f"*{near}" if near else None)
