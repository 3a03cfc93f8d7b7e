"""The rows of a file."""

from __future__ import annotations

from pathlib import Path

from ste_graph.contracts import Frozen, Json
from ste_graph.errors import WorkflowError
from ste_graph.files.document import read_json, read_values
from ste_graph.settings import RelativePath


class RowFile(Frozen):
    """One item per line of a JSON Lines file, or per member of a JSON list (`.json`)."""

    path: RelativePath
    """The file."""

    def items(self) -> list[Json]:
        """The rows, in the file's order. Raises `WorkflowError` if a line is not JSON, naming it."""
        file = Path(self.path)
        if file.suffix != ".json":
            return [value for _, value in read_values(file)]
        value = read_json(file)
        if not isinstance(value, list):
            raise WorkflowError(f"{file}: holds a {type(value).__name__}; expected a list")
        return value
