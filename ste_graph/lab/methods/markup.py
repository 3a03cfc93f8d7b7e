"""Sentences and tables as Markdown or LaTeX; whatever comes from files is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ste_graph.text import printable


@dataclass(frozen=True, slots=True)
class Code:
    """A name or value as it is written in a file."""

    text: str


Words: TypeAlias = Sequence[str | Code]
"""A sentence, or the content of a cell."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption; each row has as many cells as `head`."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Words]]


@dataclass(frozen=True, slots=True)
class Document:
    """Paragraphs of sentences, then tables."""

    paragraphs: Sequence[Sequence[Words]]
    tables: Sequence[Table]


def to_markdown(document: Document) -> str:
    """The document as Markdown."""
    parts = [_paragraph(sentences, _markdown_text, _markdown_code) for sentences in document.paragraphs]
    for table in document.tables:
        rows = [[_cell(cell, _markdown_text, _markdown_cell_code) for cell in row] for row in table.rows]
        lines = [_row(map(_markdown_text, table.head)), _row("---" for _ in table.head), *map(_row, rows)]
        parts += [f"**{_markdown_text(table.caption)}**", "\n".join(lines)]
    return "\n\n".join(parts)


def to_latex(document: Document) -> str:
    """The document as LaTeX, for a file that uses the packages `booktabs` and `longtable`."""
    parts = [_paragraph(sentences, _latex_text, _latex_code) for sentences in document.paragraphs]
    for table in document.tables:
        rows = [" & ".join(_cell(cell, _latex_text, _latex_code) for cell in row) + r" \\" for row in table.rows]
        width = f"{0.92 / len(table.head):.2f}"
        columns = "".join(f"p{{{width}\\linewidth}}" for _ in table.head)
        head = " & ".join(map(_latex_text, table.head)) + r" \\"
        parts.append("\n".join([
            rf"\begin{{longtable}}{{{columns}}}",
            rf"\caption{{{_latex_text(table.caption)}}} \\",
            r"\toprule", head, r"\midrule", r"\endhead", *rows, r"\bottomrule", r"\end{longtable}",
        ]))  # fmt: skip
    return "\n\n".join(parts)


_Write: TypeAlias = Callable[[str], str]


def _paragraph(sentences: Sequence[Words], text: _Write, code: _Write) -> str:
    return " ".join(_cell(sentence, text, code) for sentence in sentences)


def _cell(words: Words, text: _Write, code: _Write) -> str:
    return "".join(code(word.text) if isinstance(word, Code) else text(word) for word in words)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    return " ".join(printable(text).split("\n"))


def _markdown_text(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|#~$])", r"\\\1", _plain(text))


def _markdown_code(text: str) -> str:
    plain = _plain(text)
    fence = "`" * (max(map(len, re.findall("`+", plain)), default=0) + 1)
    gap = " " if plain.startswith("`") or plain.endswith("`") or not plain.strip() else ""
    return f"{fence}{gap}{plain}{gap}{fence}"


def _markdown_cell_code(text: str) -> str:
    """Code in a table, where a bar would end the cell even in code."""
    return _markdown_code(text).replace("|", r"\|")


_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
    "-": "-{}", "[": "{[}", "]": "{]}",
}  # fmt: skip
"""Characters that LaTeX takes for something else, or joins with their neighbours."""


def _latex_text(text: str) -> str:
    return "".join(char if char in "-'" else _LATEX.get(char, char) for char in _plain(text))


def _latex_code(text: str) -> str:
    # A long path or expression may break behind a dot, a comma or an underscore.
    escaped = "".join(_LATEX.get(char, char) for char in _plain(text))
    return r"\texttt{" + re.sub(r"([.,/]|\\_)", r"\1\\allowbreak{}", escaped) + "}"
