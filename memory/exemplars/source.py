"""The name of a store, as users give it: a folder, that of a run or of a pack, or the address of a Chroma server."""

from __future__ import annotations

import os
from pathlib import Path

from ste_graph.addresses import is_web_address
from ste_graph.errors import WorkflowError
from ste_graph.finished import describe_runs, is_run
from ste_graph.memory.exemplars.run_import import locate_run, store_folder
from ste_graph.packs.manifest import is_pack, is_torn, read_manifest


def is_address(source: str | os.PathLike[str]) -> bool:
    """True for the address of a server."""
    return is_web_address(os.fspath(source))


def locate_store(source: str | os.PathLike[str]) -> Path:
    """The folder of an existing store, of a pack, or of the run (or part of a run) that holds the exemplars.

    Raises `WorkflowError` if there is neither, or if several parts of the run hold some.
    """
    path = Path(source)
    if is_run(path):
        return locate_run(path)
    folder = store_folder(path)
    if not folder.exists and not is_pack(path):
        raise WorkflowError(
            f"{path}: not a store of exemplars, a pack or a run; expected a folder with {folder.log.name}, or that of "
            f"a run. {describe_runs(path)}".rstrip(" .")
        )
    if folder.exists and not is_pack(path) and is_torn(path):
        read_manifest(path)
    return path
