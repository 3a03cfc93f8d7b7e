"""The name of a store, as users give it: a folder, that of a run or of a pack, or the address of a Chroma server."""

from __future__ import annotations

import os
from pathlib import Path

from ste_graph.addresses import is_web_address
from ste_graph.errors import WorkflowError
from ste_graph.finished import describe_runs, is_run, open_run
from ste_graph.memory.exemplars.backends.folder import StoreFolder
from ste_graph.packs.manifest import is_pack, is_torn, read_manifest
from ste_graph.run.logs.journal import read_record_types

_SOURCES = ("trial", "example")
"""The records that exemplars are made of."""


def is_address(source: str | os.PathLike[str]) -> bool:
    """True for the address of a server."""
    return is_web_address(os.fspath(source))


def locate_store(source: str | os.PathLike[str]) -> Path:
    """The folder of an existing store, of a pack, or of the run (or part of a run) that holds the exemplars.

    Raises `WorkflowError` if there is neither, or if several parts of the run hold some.
    """
    path = Path(source)
    if is_run(path):
        return _locate_run(path)
    folder = store_folder(path)
    if not folder.exists and not is_pack(path):
        raise WorkflowError(
            f"{path}: not a store of exemplars, a pack or a run; expected a folder with {folder.log.name}, or that of "
            f"a run. {describe_runs(path)}".rstrip(" .")
        )
    if folder.exists and not is_pack(path) and is_torn(path):
        read_manifest(path)
    return path


def changes_folder(run: Path) -> StoreFolder:
    """The folder in a run that holds the exemplars added, changed or forgotten by hand; most runs have none."""
    return StoreFolder(run / "memory" / "exemplars")


def store_folder(path: Path) -> StoreFolder:
    """The folder of the store at `path`; of a run, that of its changes."""
    return changes_folder(path) if is_run(path) else StoreFolder(path)


def _locate_run(path: Path) -> Path:
    """The run whose exemplars are meant by the folder of a run: itself, or the only part of it that has trials.

    Raises `WorkflowError`, naming the parts, if several have.
    """
    if _has_exemplars(path):
        return path
    parts = [part.path for part in open_run(path).sub_runs if _has_exemplars(part.path)]
    if len(parts) > 1:
        raise WorkflowError(
            f"{path}: has no trials of its own, but these parts of the run have; name one of them:\n"
            + "\n".join(f"  {part}" for part in parts)
        )
    return parts[0] if parts else path


def _has_exemplars(run: Path) -> bool:
    return changes_folder(run).exists or any(
        record in _SOURCES for record in read_record_types(open_run(run).folder.journal)
    )
