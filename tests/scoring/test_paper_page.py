"""`docs/paper.md` says what the paper says, and what `ste score` finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from ste_graph.cli.text.paper import LEGEND
from ste_graph.scoring.paper.published import TABLES, PaperRow, PaperTable
from ste_graph.scoring.paper.reproduction import ScoredFile

PAGE = Path(__file__).parents[2] / "docs" / "paper.md"


def rows(table: PaperTable) -> list[list[str]]:
    """The cells of a table of the page, without its head."""
    lines = PAGE.read_text("utf-8").partition(f"### {table.name}\n\n")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
def test_the_page_holds_the_papers_figures(table: PaperTable) -> None:
    def cells(row: PaperRow) -> list[str]:
        return [*row.setting, " / ".join(f"{figure:.1f}" for figure in row.figures)]

    found = rows(table)
    assert [line[: len(table.head) + 1] for line in found] == [cells(row) for row in table.rows]
    assert {line[len(table.head) + 1] for line in found} <= {"same", "-"}


@pytest.mark.parametrize("name", ["mistral_FT.json", "llama-7Bf.json"])
def test_the_page_holds_what_the_scorer_finds(name, data):
    scored = ScoredFile(data(f"ste/predictions/{name}"))
    ours = [
        f"{sheet.wellformedness} / {sheet.api_match} / {sheet.correctness}"
        for sheet in (scored.paper_score, scored.tolerant_score)
    ]
    lines = [line for row, line in zip(TABLES[0].rows, rows(TABLES[0]), strict=True) if row.file == name]
    assert [line[-2:] for line in lines] == [ours]


def test_the_page_explains_its_cells_as_the_command_does():
    assert LEGEND in PAGE.read_text("utf-8")
