"""The paper's tables as Markdown, next to the scores of its predictions."""

from __future__ import annotations

from collections.abc import Sequence

from ste_graph.scoring.paper.published import PaperTable
from ste_graph.scoring.paper.reproduction import Reproduction, RowResult
from ste_graph.scoring.score_sheet import ScoreSheet
from ste_graph.scoring.tables import gain_text
from ste_graph.text import printable

LEGEND = """\
Each cell: well-formed of all / API match of well-formed / correct of all, in percent; `a..b` are bounds.
- paper: as published, to the digits of the notebook.
- its labels: from the labels stored in the file; `same` = every digit of the paper's.
- again: the released parser, then our comparison with the gold calls as they are now (equal calls are right without
  asking, else the verdict of the paper's judge counts).
- tolerant: our parser. A call that only it could read has no verdict where a judge is needed: wrong..right."""


def paper_page(found: Reproduction) -> str:
    """Every table, then the other files and the missing ones."""
    parts = [LEGEND, *(_table(table, results) for table, results in found.tables)]
    if found.others:
        rows = [[name, _cell(file.paper_score), _cell(file.tolerant_score)] for name, file in found.others.items()]
        parts.append(
            "\n".join(
                ["## Files that the paper does not mention", "", *_markdown_rows(["file", "again", "tolerant"], rows)]
            )
        )
    results = [result for result in found.results if result.is_same is not None]
    same = sum(result.is_same is True for result in results)
    parts.append(f"{same} of {len(results)} rows with a file are the paper's to the digit, by the labels in it.")
    if found.missing:
        parts.append("\n".join(["Missing:", *(f"- {name}: {printable(why)}" for name, why in found.missing.items())]))
    return "\n\n".join(parts)


def _table(table: PaperTable, results: Sequence[RowResult]) -> str:
    head = [*table.head, "paper", "its labels", "again", "tolerant"]
    if table.against:
        head.append("correct, against the first row")
    rows = []
    for result in results:
        cells = [*result.row.setting, " / ".join(f"{figure:.1f}" for figure in result.row.figures)]
        if result.stored and result.again and result.tolerant:
            cells += ["same" if result.is_same else _cell(result.stored), _cell(result.again), _cell(result.tolerant)]
        else:
            cells += ["-", "-", "-"]
        rows.append(cells + ([_loss(result)] if table.against else []))
    return "\n".join([f"## {table.name}", "", *_markdown_rows(head, rows)])


def _cell(score: ScoreSheet) -> str:
    return f"{score.wellformedness} / {score.api_match} / {score.correctness}"


def _loss(result: RowResult) -> str:
    if result.loss is None:
        return ""
    return gain_text(result.loss.beyond)


def _markdown_rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (head, ["-" * width for width in widths], *rows)
    ]
