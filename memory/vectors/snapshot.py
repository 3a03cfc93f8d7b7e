"""What there was when a run began, kept in its folder: so that a run taken up again sees the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from ste_graph.errors import RunError
from ste_graph.files.atomic import write_atomically, write_error


def stood(file: Path, now: Callable[[], Sequence[str]]) -> list[str]:
    """The ids in `file`, in their order; the first time those that `now` gives, which are put down there.

    Raises `RunError` if the file cannot be used.
    """
    try:
        if file.exists():
            there: list[str] = json.loads(file.read_text("utf-8"))
            return there
    except (OSError, ValueError) as error:
        raise RunError(f"{file}: cannot be read ({error}); remove it to read what there is now") from error
    ids = list(now())
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(file, error) from error
    write_atomically(file, json.dumps(ids))
    return ids
