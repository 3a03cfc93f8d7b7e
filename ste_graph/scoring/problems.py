"""Errors that list everything that is wrong with a file, and the lines of such files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.document import read_values
from ste_graph.text import count_noun

SHOWN = 20
"""Problems that an error lists; the rest is counted."""


def problems_error(where: object, problems: Sequence[str], expected: str) -> WorkflowError:
    """The error that lists problems, one a line, after a sentence that says what was expected."""
    lines = [f"{where}: {count_noun(len(problems), 'problem')}; {expected}"]
    lines += [f"  {problem}" for problem in problems[:SHOWN]]
    if len(problems) > SHOWN:
        lines.append(f"  and {len(problems) - SHOWN} more")
    return WorkflowError("\n".join(lines))


def read_lines(path: Path) -> list[tuple[int, Json]]:
    """Reads a file with one JSON value a line, each with its line number. Raises `WorkflowError`."""
    values = read_values(path)
    if not values:
        raise WorkflowError(f"{path}: the file is empty; expected one JSON object a line")
    return values
