"""JSON files of others, opened so that a fault is named and nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.document import read_values

SHOWN = 20
"""Faults that an error lists; the rest is counted."""


def read_lines(path: Path) -> list[tuple[int, Json]]:
    """The values of a file with one JSON value a line, each with its line number. Raises `WorkflowError`."""
    values = read_values(path)
    if not values:
        raise WorkflowError(f"{path}: the file is empty; expected one JSON object a line")
    return values


def refused(where: object, faults: Sequence[str], remedy: str) -> WorkflowError:
    """The error that lists faults of a file, one a line."""
    lines = [f"{where}: {len(faults)} problem{'' if len(faults) == 1 else 's'}; {remedy}"]
    lines += [f"  {fault}" for fault in faults[:SHOWN]]
    if len(faults) > SHOWN:
        lines.append(f"  and {len(faults) - SHOWN} more")
    return WorkflowError("\n".join(lines))
