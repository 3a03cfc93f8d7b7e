"""The ids that there were when a run began, kept in its folder: a resumed run reads the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from ste_graph.errors import RunError
from ste_graph.files.atomic import write_atomically, write_error

SNAPSHOT = "snapshot.json"
"""Of a lasting memory: the entries that other runs had left in it."""
EXEMPLARS = "exemplars.json"
"""Of a memory with `from`: the exemplars there."""


def snapshot_ids(file: Path, current_ids: Callable[[], Sequence[str]]) -> list[str]:
    """The ids in `file`, in their order; the first time those that `current_ids` returns, which are written there.

    Raises `RunError` if the file cannot be used.
    """
    try:
        if file.exists():
            ids: list[str] = json.loads(file.read_text("utf-8"))
            return ids
    except (OSError, ValueError) as error:
        raise RunError(f"{file}: cannot be read ({error}); remove it to read what there is now") from error
    ids = list(current_ids())
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(file, error) from error
    write_atomically(file, json.dumps(ids))
    return ids
