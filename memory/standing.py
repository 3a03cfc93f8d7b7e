"""What there was when a run began, kept in its folder: so that a run taken up again sees the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from ste_graph.errors import RunError


def stood(file: Path, now: Callable[[], Sequence[str]]) -> list[str]:
    """The ids in `file`, in their order; the first time those that `now` gives, which are put down there.

    Raises `RunError` if the file cannot be used.
    """
    try:
        if file.exists():
            there: list[str] = json.loads(file.read_text("utf-8"))
            return there
    except (OSError, ValueError) as error:
        raise _unusable(file, error) from error
    ids = list(now())
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_suffix(".new")
        aside.write_text(json.dumps(ids), encoding="utf-8")
        aside.replace(file)
    except OSError as error:
        raise _unusable(file, error) from error
    return ids


def _unusable(file: Path, error: Exception) -> RunError:
    return RunError(f"{file}: cannot be used ({error}); make room, or remove it to read what there is now")
