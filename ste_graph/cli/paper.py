"""The paper's tables as Markdown, beside what its predictions give."""

from __future__ import annotations

from collections.abc import Sequence

from ste_graph.scoring.published import Table
from ste_graph.scoring.reproduction import Line, Reproduction
from ste_graph.scoring.score import Score
from ste_graph.scoring.wording import range_text
from ste_graph.stats import Interval
from ste_graph.text import printable

LEGEND = """\
Each cell: well-formed of all / API match of well-formed / correct of all, in percent; `a..b` are bounds.
- paper: as published, to the digits of the notebook.
- its labels: from the labels stored in the file; `same` = every digit of the paper's.
- again: the released parser, then our comparison with the gold calls as they stand now (equal calls are right without
  asking, verdicts of the paper's judge otherwise).
- tolerant: our parser. A call that only it could read has no verdict where a judge is needed: wrong..right."""


def tables(found: Reproduction) -> str:
    """Every table, then what is beside them and what is missing."""
    parts = [LEGEND, *(_table(table, lines) for table, lines in found.tables)]
    if found.others:
        rows = [[name, _cell(one.again), _cell(one.tolerant)] for name, one in found.others.items()]
        parts.append(
            "\n".join(["## Files that the paper does not speak of", "", *_lined(["file", "again", "tolerant"], rows)])
        )
    lines = [line for line in found.lines if line.same is not None]
    same = sum(line.same is True for line in lines)
    parts.append(f"{same} of {len(lines)} rows with a file are the paper's to the digit, by the labels in it.")
    if found.missing:
        parts.append("\n".join(["Missing:", *(f"- {name}: {printable(why)}" for name, why in found.missing.items())]))
    return "\n\n".join(parts)


def _table(table: Table, lines: Sequence[Line]) -> str:
    head = [*table.head, "paper", "its labels", "again", "tolerant"]
    if table.against:
        head.append("correct, against the first row")
    rows = []
    for line in lines:
        cells = [*line.row.what, " / ".join(f"{one:.1f}" for one in line.row.figures)]
        if line.stored and line.again and line.tolerant:
            cells += ["same" if line.same else _cell(line.stored), _cell(line.again), _cell(line.tolerant)]
        else:
            cells += ["-", "-", "-"]
        rows.append(cells + ([_loss(line)] if table.against else []))
    return "\n".join([f"## {table.name}", "", *_lined(head, rows)])


def _cell(score: Score) -> str:
    return f"{score.wellformed} / {score.api_match} / {score.correct}"


def _loss(line: Line) -> str:
    if line.loss is None:
        return ""
    least = line.loss.least
    if isinstance(least, Interval):
        return f"{100 * least.mean:+.1f} ({range_text(least, sign='+')})"
    return f"{100 * (least.mean or 0):+.1f} ({least.reason})"


def _lined(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (head, ["-" * width for width in widths], *rows)
    ]
