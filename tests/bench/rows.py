"""Rows of the table of measurements: a figure, the figure to reach, and what it was measured against in that run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self


@dataclass(frozen=True)
class Row:
    """One measurement. A `figure` with a `reach` is to be at most, or at least, that."""

    what: str
    figure: float
    unit: str = ""
    reach: float | None = None
    better: Literal["less", "more"] = "less"
    anchor: str = ""
    """The yardstick that was measured in the same run, with its figure; or the ideal that it is a share of."""
    note: str = ""

    @property
    def missed(self) -> bool:
        """True if the figure is not what it is to be."""
        if self.reach is None:
            return False
        return self.figure > self.reach if self.better == "less" else self.figure < self.reach

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """What, figure, the figure to reach, and the anchor, for a table."""
        sign = "≤" if self.better == "less" else "≥"
        reach = "stated" if self.reach is None else f"{sign} {number(self.reach)}{self.unit}"
        verdict = f"**{number(self.figure)}{self.unit}** MISSED" if self.missed else f"{number(self.figure)}{self.unit}"
        about = "; ".join(filter(None, (self.anchor, self.note)))
        return self.what, verdict, reach, about


@dataclass(frozen=True)
class BenchResult:
    """The measurements of one bench, their date, and the load of the machine."""

    name: str
    date: str
    commit: str
    machine: str
    versions: str
    load: tuple[float, float]
    """The load of the machine when it began and when it ended: 1 is one busy core."""
    rows: tuple[Row, ...] = ()
    lines: tuple[str, ...] = ()
    """The lines that it printed."""
    failed: str = ""

    def to_json(self) -> dict[str, Any]:
        """The result as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The result from plain data."""
        own = {**data, "rows": tuple(Row(**row) for row in data["rows"]), "lines": tuple(data["lines"])}
        return cls(**{**own, "load": tuple(data["load"])})


def number(value: float) -> str:
    """A figure with three digits that count."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}".rstrip("0")


def render(results: Sequence[BenchResult]) -> str:
    """The page with all results."""
    last = max(results, key=lambda result: result.date)
    missed = [(result, row) for result in results for row in result.rows if row.missed]
    failed = [result for result in results if result.failed]
    lines = [
        "# Measurements",
        "",
        "Made by `make bench`, or one by one: `python -m tests.bench NAME`, which writes this page. Each figure stands "
        "beside its anchor from the same run; figures on the clock are the best of their rounds.",
        "",
        f"{last.machine}. {last.versions}.",
        "",
        "| bench | what | figure | to reach | anchor, in the same run |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        lines += [f"| {result.name} | {' | '.join(map(_cell, row.cells))} |" for row in result.rows]
    lines += ["", f"Missed: {len(missed)} of {sum(row.reach is not None for r in results for row in r.rows)} rows."]
    lines += [f"- {result.name}: {row.what}: {number(row.figure)}{row.unit}" for result, row in missed]
    lines += [f"- {result.name}: could not be measured: {result.failed}" for result in failed]
    for result in results:
        begin, end = result.load
        other = "" if result.machine == last.machine else f", {result.machine}"
        lines += [
            "",
            f"## {result.name}",
            "",
            f"{result.date}, commit {result.commit}; load of the machine {begin:.1f} at the beginning and {end:.1f} at "
            f"the end{other}.",
        ]
        if result.lines:
            lines += ["", "```", *result.lines, "```"]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
