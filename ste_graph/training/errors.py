"""The error of a training, and its commonest causes put into words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from ste_graph.errors import ModelError

NEEDS_TRAIN = "training needs further packages: pip install 'ste-graph[train]'"

PACKAGES = ("accelerate", "datasets", "peft", "trl")


class TrainingError(ModelError):
    """A training could not go on: its unit fails, the others go on. The text says where, why, and what to do."""


def find_missing_packages() -> str | None:
    """The sentence that says what to install for a training; None if all is there."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    return f"{NEEDS_TRAIN} (missing: {', '.join(missing)})" if missing else None


@contextmanager
def report_full_disk(folder: Path) -> Iterator[None]:
    """Turns the many errors of a full disk into one `TrainingError`, while a model or checkpoint is written."""
    try:
        yield
    except Exception as error:  # safetensors and torch wrap the system's error in ones of their own
        if not _is_full_disk(error):
            raise
        raise TrainingError(
            f"{folder}: the disk is full. Make room and start again: everything saved before is whole, and the training"
            " goes on from its last checkpoint"
        ) from error


def _is_full_disk(error: BaseException | None) -> bool:
    """True if the error, or one that led to it, comes from a full disk."""
    while error is not None:
        text = str(error)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if "No space left on device" in text or f"os error {errno.ENOSPC}" in text:
            return True
        error = error.__cause__ or error.__context__
    return False
