"""The paper's tables, scored again from a checkout of its repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.document import read_json
from ste_graph.protocols.form import Parser
from ste_graph.scoring.difference import Difference, difference
from ste_graph.scoring.paper.published import TABLES, Figures, PaperRow, PaperTable
from ste_graph.scoring.paper.stored_labels import read_stored_labels
from ste_graph.scoring.predictions import read_predictions
from ste_graph.scoring.proportion import Proportion
from ste_graph.scoring.rules import LabelRules
from ste_graph.scoring.score_sheet import ScoreSheet, estimate_json, score_predictions

RESULTS = "saved_results"
BATCHES = "CL_batches.json"
DIGITS = 3
"""The digits to which the notebook rounded its percentages."""


@dataclass(frozen=True)
class ScoredFile:
    """One file of predictions, in three readings."""

    path: Path

    @cached_property
    def stored_score(self) -> ScoreSheet:
        """By the labels in the file."""
        return read_stored_labels(self.path)

    @cached_property
    def paper_score(self) -> ScoreSheet:
        """By the released code's parser and our comparison; if only a judge can tell, by its stored verdict."""
        return self._read(Parser.paper)

    @cached_property
    def tolerant_score(self) -> ScoreSheet:
        """By our parser; a call that the paper's could not read has no verdict, hence the bounds."""
        return self._read(Parser.tolerant)

    def _read(self, parser: Parser) -> ScoreSheet:
        predictions = read_predictions(self.path, partial=True, stored_verdicts=True)
        return score_predictions(predictions, LabelRules(parser=parser, exact_names=False))


@dataclass(frozen=True, slots=True)
class RowResult:
    """A row of a table with the scores of its file; `fault` gives the reason if it has no scores."""

    row: PaperRow
    stored: ScoreSheet | None = None
    again: ScoreSheet | None = None
    tolerant: ScoreSheet | None = None
    loss: Difference | None = None
    fault: str | None = None

    @property
    def is_same(self) -> bool | None:
        """True if the stored labels give the paper's figures to the digit; None without them."""
        return None if self.stored is None else figures(self.stored) == self.row.figures

    def to_json(self) -> dict[str, Json]:
        found: dict[str, Json] = {
            "what": list(self.row.setting),
            "file": self.row.file,
            "paper": list(self.row.figures),
            "same": self.is_same,
            "fault": self.fault,
        }
        for name, score in (("stored", self.stored), ("again", self.again), ("tolerant", self.tolerant)):
            found[name] = score and {
                "wellformed": score.wellformedness.to_json(),
                "api_match": score.api_match.to_json(),
                "correct": score.correctness.to_json(),
            }
        if self.loss:
            found["against"] = estimate_json(self.loss.least)
        return found


@dataclass(frozen=True, slots=True)
class Reproduction:
    """All tables, the files that are not in the paper, and the files that are missing."""

    tables: Sequence[tuple[PaperTable, Sequence[RowResult]]]
    others: Mapping[str, ScoredFile]
    missing: Mapping[str, str]
    """Files of the paper that could not be scored, with the reason."""

    @property
    def results(self) -> Iterator[RowResult]:
        return (result for _, results in self.tables for result in results)

    def to_json(self) -> dict[str, Json]:
        return {
            "tables": {table.name: [result.to_json() for result in results] for table, results in self.tables},
            "others": {
                name: {
                    "again": scored.paper_score.correctness.to_json(),
                    "tolerant": scored.tolerant_score.correctness.to_json(),
                }
                for name, scored in self.others.items()
            },
            "missing": dict(self.missing),
        }


def figures(score: ScoreSheet) -> Figures:
    """The paper's three figures, rounded as its notebook did. Only of a score whose bounds meet."""
    first, second, third = (_percent(part) for part in (score.wellformedness, score.api_match, score.correctness))
    return first, second, third


def _percent(proportion: Proportion) -> float:
    return round(100 * (proportion.low or 0.0), DIGITS)


def reproduce(folder: Path, *, seed: int = 0) -> Reproduction:
    """Scores the paper's tables again from a checkout of microsoft/simulated-trial-and-error.

    Files that are missing or damaged are named, and their rows have no figures of ours.

    Raises:
        WorkflowError: No prediction file was found.
    """
    results = _find_results(folder)
    files = {path.name: ScoredFile(path) for path in sorted(results.glob("*.json"))}
    if not files:
        raise WorkflowError(f"{results}: no prediction file (*.json) found")
    scorer = _RowScorer(files, _read_batches(results), seed)
    tables = [(table, [scorer.score_row(table, row) for row in table.rows]) for table in TABLES]
    published = {row.file for table in TABLES for row in table.rows}
    others = {name: file for name, file in files.items() if name not in published and scorer.is_readable(name)}
    return Reproduction(tables, others, dict(sorted(scorer.missing.items())))


@dataclass
class _RowScorer:
    files: Mapping[str, ScoredFile]
    batches: Sequence[Sequence[str]] | str
    seed: int
    missing: dict[str, str] = field(default_factory=dict)

    def score_row(self, table: PaperTable, row: PaperRow) -> RowResult:
        if not self.is_readable(row.file):
            return RowResult(row, fault=self.missing[row.file])
        if row.batch is not None and isinstance(self.batches, str):
            self.missing[BATCHES] = self.batches
            return RowResult(row, fault=self.batches)
        scored = self.files[row.file]
        stored, again, tolerant = (
            self._part(row, sheet) for sheet in (scored.stored_score, scored.paper_score, scored.tolerant_score)
        )
        loss = None
        if table.against and row.file != table.against and self.is_readable(table.against):
            loss = difference(self.files[table.against].stored_score, scored.stored_score, seed=self.seed)
        return RowResult(row, stored, again, tolerant, loss)

    def is_readable(self, name: str) -> bool:
        """True if a file can be scored; if not, `missing` says why."""
        if name in self.missing:
            return False
        if name not in self.files:
            self.missing[name] = "not in the checkout"
            return False
        try:
            scored = self.files[name]
            _ = scored.stored_score, scored.paper_score, scored.tolerant_score
        except WorkflowError as error:
            self.missing[name] = str(error)
            return False
        return True

    def _part(self, row: PaperRow, score: ScoreSheet) -> ScoreSheet:
        return score if row.batch is None else score.select(self.batches[row.batch])


def _find_results(folder: Path) -> Path:
    for place in (folder / "STE" / RESULTS, folder / RESULTS):
        if place.is_dir():
            return place
    if folder.name == RESULTS and folder.is_dir():
        return folder
    raise WorkflowError(
        f"{folder}: no folder STE/{RESULTS} found; give a checkout of "
        "https://github.com/microsoft/simulated-trial-and-error"
    )


def _read_batches(results: Path) -> Sequence[Sequence[str]] | str:
    """The batches of tools, or the reason why they are missing."""
    path = results.parent / "tool_metadata" / BATCHES
    if not path.is_file():
        return "not in the checkout (STE/tool_metadata)"
    try:
        batches = read_json(path)
    except WorkflowError as error:
        return str(error)
    if not isinstance(batches, list) or len(batches) != 4 or not all(isinstance(batch, list) for batch in batches):
        return f"{path}: expected four lists of tools"
    return batches
