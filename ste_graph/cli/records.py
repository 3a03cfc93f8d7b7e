"""Records other than trials as text for a person."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ste_graph.cli.trials import field_lines
from ste_graph.errors import WorkflowError
from ste_graph.run.logs.journal import unit_key
from ste_graph.suggest import did_you_mean, list_choices

if TYPE_CHECKING:
    from ste_graph.contracts import Json
    from ste_graph.finished import FinishedRun

HIDDEN = ("id", "record", "started", "ended")
LONGEST = 300


def select_records(run: FinishedRun, kind: str | None, tool: str | None) -> list[dict[str, Json]]:
    """The journal's lines of one type of record (None: of all), and of one unit. Raises `WorkflowError`."""
    kinds = sorted(run.count_records())
    if kind is not None and kind not in kinds:
        hint = did_you_mean(kind, kinds)
        raise WorkflowError(f"{run.path}: has no record `{kind}`; {hint}it has: {list_choices(kinds)}")
    return list(run.records(kind, unit=tool))


def records_summary(run: FinishedRun, lines: Sequence[Mapping[str, Json]]) -> str:
    """One line with the number of records of each type."""
    kinds = Counter(line["record"] for line in lines)
    return f"{run.path}: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items())) or 'no record yet'}"


def record_text(line: Mapping[str, Json]) -> str:
    """One record: its type and unit, then the loops around it and its fields."""
    unit = unit_key(line)
    lines = [f"-- {line[unit]}: {line['record']}"]
    for name, value in line.items():
        if name not in (*HIDDEN, unit):
            lines += field_lines(
                name, value if isinstance(value, str) else _shorten(json.dumps(value, ensure_ascii=False))
            )
    return "\n".join(lines)


def _shorten(text: str) -> str:
    """Data as one readable line; longer data is cut, and shown whole by `--format json`."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … ({len(text):,} characters; all with --format json)"
