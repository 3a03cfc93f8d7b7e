"""Diagnostics: problems of a workflow, each with its place in a file, the line, and the remedy."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ste_graph.errors import WorkflowError
from ste_graph.suggest import render_hint

if TYPE_CHECKING:
    from ste_graph.contracts import Json

Severity = Literal["error", "warning", "note"]

_WIDTH = 160  # longer source lines are cut to this many characters around the place
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what YAML counts as line breaks
_texts: dict[str, str] = {}


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a text: `line` and `column` count from 1, in characters; `file` as it is shown to people."""

    file: str
    line: int
    column: int
    length: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: the message, and below the source line what is expected, what helps, and the other places.

    `message` names the problem, `expected` what is legal there, `help` what to do; `suggestion` is the bare text that
    was most likely meant; `related` are the other places involved, each with its part in the problem.
    """

    code: str
    severity: Severity
    message: str
    span: Span
    expected: str | None = None
    suggestion: str | None = None
    related: tuple[tuple[Span, str], ...] = ()
    help: str | None = None

    def __str__(self) -> str:
        head = f"{self.span}: {self.severity}[{self.code}] {self.message}"
        lines = (
            ("help", render_hint(self.suggestion).strip() or None),
            ("expected", self.expected),
            ("help", self.help),
            *(("note", f"{text} ({span})") for span, text in self.related),
        )
        return "\n".join([head, *_pointer(self.span), *(f"   {label}: {text}" for label, text in lines if text)])

    def to_json(self) -> dict[str, Json]:
        """The problem for other programs; the keys are a promise."""
        return {
            "file": self.span.file,
            "line": self.span.line,
            "column": self.span.column,
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "suggestion": self.suggestion,
        }


class DiagnosticsError(WorkflowError):
    """All problems of a workflow at once; its text is the rendered diagnostics, in reading order."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(
            sorted(dict.fromkeys(diagnostics), key=lambda each: (each.span, each.code, each.message))
        )
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return "\n".join(map(str, self.diagnostics))


def display_path(path: Path) -> str:
    """A path as people know it: relative to the current folder if it is inside, else whole."""
    absolute = path.absolute()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(path)


def remember(file: str, text: str) -> None:
    """Show lines of `text` for spans in `file`, even if the file changes: `text` is what was read."""
    _texts[file] = text


def source_line(file: str, line: int) -> str | None:
    """One line (from 1) of a remembered text or a file; None if it cannot be read or is shorter."""
    text = _texts.get(file)
    if text is None:
        if not os.path.isfile(file):  # a pipe may never end
            return None
        try:
            text = Path(file).read_text("utf-8", errors="replace")
        except (OSError, ValueError):
            return None
    lines = _BREAK.split(text)
    return lines[line - 1] if 1 <= line <= len(lines) else None


def _pointer(span: Span) -> Sequence[str]:
    """The source line and the carets below the place; empty if the line is blank or cannot be read."""
    line = source_line(span.file, span.line)
    if not line or not line.strip():
        return []
    start, mark = span.column - 1, ""
    if len(line) > _WIDTH:
        cut = max(0, min(start - _WIDTH // 4, len(line) - _WIDTH))
        line, start, mark = line[cut : cut + _WIDTH], start - cut, "… " if cut else ""
    printable = "".join(char if char.isprintable() else " " for char in line)
    length = max(1, min(span.length, len(line) - start))
    carets = " " * (len(mark) + _cells(printable[:start])) + "^" * max(1, _cells(printable[start : start + length]))
    return [f" {span.line:>4} | {mark}{printable.rstrip()}", f"      | {carets}"]


def _cells(text: str) -> int:
    """The terminal cells that a text takes: two for an East Asian wide character, none for a combining mark."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
