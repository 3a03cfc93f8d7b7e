"""What goes wrong while a model is trained, and what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ste_graph.errors import ModelError


class TrainingError(ModelError):
    """A training could not go on: its unit fails, the others do not. The text says where, why, and what to do."""


NEEDS_TRAIN = "training needs further packages: pip install 'ste-graph[train]'"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say what to do where a model or a checkpoint cannot be written to `folder`."""
    try:
        yield
    except Exception as fault:  # safetensors and torch wrap the system's error in ones of their own
        if not _no_room(fault):
            raise
        raise TrainingError(
            f"{folder}: the disk is full. Make room and start again: what was saved before is whole, and the training"
            " goes on from its last checkpoint"
        ) from fault


def _no_room(fault: BaseException | None) -> bool:
    """Whether an error, or one that led to it, is a full disk's."""
    while fault is not None:
        text = str(fault)
        if isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if "No space left on device" in text or f"os error {errno.ENOSPC}" in text:
            return True
        fault = fault.__cause__ or fault.__context__
    return False
