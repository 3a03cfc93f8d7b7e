"""The rows of a file."""

from __future__ import annotations

import json
from pathlib import Path

from ste_graph.contracts import Frozen, Json
from ste_graph.errors import WorkflowError
from ste_graph.settings import RelativePath


class Rows(Frozen):
    """One item per line of a JSON Lines file, or per member of a JSON list (`.json`)."""

    path: RelativePath

    def items(self) -> list[Json]:
        """The rows, in the file's order. Raises `WorkflowError` where a line is no JSON, naming it."""
        file = Path(self.path)
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
            raise WorkflowError(f"{file}: cannot be read ({why})") from error
        if file.suffix == ".json":
            return _list(text, file)
        rows = []
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                try:
                    rows.append(json.loads(line))
                except (ValueError, RecursionError):
                    raise WorkflowError(f"{file}:{number}: this line is no JSON value") from None
        return rows


def _list(text: str, file: Path) -> list[Json]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise WorkflowError(f"{file}: is no JSON ({error})") from None
    if not isinstance(value, list):
        raise WorkflowError(f"{file}: holds a {type(value).__name__}; expected a list")
    return value
