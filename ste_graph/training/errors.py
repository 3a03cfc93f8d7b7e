"""The error of a training, and its commonest causes put into words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from ste_graph.errors import ModelError
from ste_graph.models.chat.request_errors import causes

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
        if not any(map(_is_full_disk, causes(error))):
            raise
        raise TrainingError(
            f"{folder}: the disk is full. Make room and start again: everything saved before is whole, and the training"
            " goes on from its last checkpoint"
        ) from error


def _is_full_disk(error: BaseException) -> bool:
    """True if an error itself comes from a full disk."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(words in str(error) for words in ("No space left on device", f"os error {errno.ENOSPC}"))
