"""The paper's tables, scored again from a checkout of its repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.document import read_json
from ste_graph.scoring.difference import Difference, difference
from ste_graph.scoring.parser import Parser
from ste_graph.scoring.predictions import read_predictions
from ste_graph.scoring.published import TABLES, Figures, Row, Table
from ste_graph.scoring.score import Score, estimate_json
from ste_graph.scoring.share import Share
from ste_graph.scoring.stored import read_stored

RESULTS = "saved_results"
BATCHES = "CL_batches.json"
DIGITS = 3
"""To which the notebook rounded its percentages."""


@dataclass(frozen=True)
class Scored:
    """One file of predictions, in three readings."""

    path: Path

    @cached_property
    def stored(self) -> Score:
        """By the labels that stand in the file."""
        return read_stored(self.path)

    @cached_property
    def again(self) -> Score:
        """By the released code's parser and our comparison; where only a judge can tell, its stored verdict."""
        return self._read(Parser.paper)

    @cached_property
    def tolerant(self) -> Score:
        """By our parser; a call that the paper's could not read has no verdict, hence the bounds."""
        return self._read(Parser.tolerant)

    def _read(self, parser: Parser) -> Score:
        return Score.of(read_predictions(self.path, partial=True, stored_verdicts=True), parser, closest=True)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table beside what the file gives; `fault` says why there is nothing beside it."""

    row: Row
    stored: Score | None = None
    again: Score | None = None
    tolerant: Score | None = None
    loss: Difference | None = None
    fault: str | None = None

    @property
    def same(self) -> bool | None:
        """Whether the stored labels give the paper's figures to the digit; None without them."""
        return None if self.stored is None else figures(self.stored) == self.row.figures

    def to_json(self) -> dict[str, Json]:
        found: dict[str, Json] = {
            "what": list(self.row.what),
            "file": self.row.file,
            "paper": list(self.row.figures),
            "same": self.same,
            "fault": self.fault,
        }
        for name, score in (("stored", self.stored), ("again", self.again), ("tolerant", self.tolerant)):
            found[name] = score and {
                "wellformed": score.wellformed.to_json(),
                "api_match": score.api_match.to_json(),
                "correct": score.correct.to_json(),
            }
        if self.loss:
            found["against"] = estimate_json(self.loss.least)
        return found


@dataclass(frozen=True, slots=True)
class Reproduction:
    """All tables, the files that are not in the paper, and what could not be had."""

    tables: Sequence[tuple[Table, Sequence[Line]]]
    others: Mapping[str, Scored]
    missing: Mapping[str, str]
    """Files of the paper that could not be scored, with the reason."""

    @property
    def lines(self) -> Iterator[Line]:
        return (line for _, lines in self.tables for line in lines)

    def to_json(self) -> dict[str, Json]:
        return {
            "tables": {table.name: [line.to_json() for line in lines] for table, lines in self.tables},
            "others": {
                name: {"again": scored.again.correct.to_json(), "tolerant": scored.tolerant.correct.to_json()}
                for name, scored in self.others.items()
            },
            "missing": dict(self.missing),
        }


def figures(score: Score) -> Figures:
    """The paper's three figures, rounded as its notebook did. Only of a score whose bounds meet."""
    first, second, third = (_percent(one) for one in (score.wellformed, score.api_match, score.correct))
    return first, second, third


def _percent(share: Share) -> float:
    return round(100 * (share.low or 0.0), DIGITS)


def reproduced(folder: Path, *, seed: int = 0) -> Reproduction:
    """The paper's tables from a checkout of microsoft/simulated-trial-and-error.

    Files that are not there, or damaged, are named, and their rows stay without figures of ours.

    Raises:
        WorkflowError: There is no prediction file at all.
    """
    results = _results(folder)
    files = {path.name: Scored(path) for path in sorted(results.glob("*.json"))}
    if not files:
        raise WorkflowError(f"{results}: there is no prediction file (*.json) in it")
    reading = _Reading(files, _batches(results), seed)
    tables = [(table, [reading.line(table, row) for row in table.rows]) for table in TABLES]
    published = {row.file for table in TABLES for row in table.rows}
    others = {name: one for name, one in files.items() if name not in published and reading.readable(name)}
    return Reproduction(tables, others, dict(sorted(reading.missing.items())))


@dataclass
class _Reading:
    files: Mapping[str, Scored]
    batches: Sequence[Sequence[str]] | str
    seed: int
    missing: dict[str, str] = field(default_factory=dict)

    def line(self, table: Table, row: Row) -> Line:
        if not self.readable(row.file):
            return Line(row, fault=self.missing[row.file])
        if row.batch is not None and isinstance(self.batches, str):
            self.missing[BATCHES] = self.batches
            return Line(row, fault=self.batches)
        scored = self.files[row.file]
        stored, again, tolerant = (self._part(row, one) for one in (scored.stored, scored.again, scored.tolerant))
        loss = None
        if table.against and row.file != table.against and self.readable(table.against):
            loss = difference(self.files[table.against].stored, scored.stored, seed=self.seed)
        return Line(row, stored, again, tolerant, loss)

    def readable(self, name: str) -> bool:
        """Whether a file can be scored; if not, `missing` says why."""
        if name in self.missing:
            return False
        if name not in self.files:
            self.missing[name] = "not in the checkout"
            return False
        try:
            scored = self.files[name]
            _ = scored.stored, scored.again, scored.tolerant
        except WorkflowError as fault:
            self.missing[name] = str(fault)
            return False
        return True

    def _part(self, row: Row, score: Score) -> Score:
        return score if row.batch is None else score.only(self.batches[row.batch])


def _results(folder: Path) -> Path:
    for place in (folder / "STE" / RESULTS, folder / RESULTS):
        if place.is_dir():
            return place
    if folder.name == RESULTS and folder.is_dir():
        return folder
    raise WorkflowError(
        f"{folder}: there is no folder STE/{RESULTS} in it; give a checkout of "
        "https://github.com/microsoft/simulated-trial-and-error"
    )


def _batches(results: Path) -> Sequence[Sequence[str]] | str:
    """The batches of tools, or why they cannot be had."""
    path = results.parent / "tool_metadata" / BATCHES
    if not path.is_file():
        return "not in the checkout (STE/tool_metadata)"
    try:
        batches = read_json(path)
    except WorkflowError as fault:
        return str(fault)
    if not isinstance(batches, list) or len(batches) != 4 or not all(isinstance(one, list) for one in batches):
        return f"{path}: expected four lists of tools"
    return batches
