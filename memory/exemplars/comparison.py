"""How the log, the index and the run's journal of a store differ; nothing is changed by looking."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ste_graph.errors import WorkflowError
from ste_graph.finished import is_run
from ste_graph.memory.exemplars.folder import WAIT_S, StoreFolder
from ste_graph.memory.exemplars.log import ExemplarLog, Row
from ste_graph.memory.exemplars.run_import import harvested
from ste_graph.memory.vectors.collection import shared


def differences(path: Path, name: str) -> tuple[int, list[str]]:
    """How many exemplars the log of a store has, and in words what of log, index `name` and journal differs.

    Raises `WorkflowError` if there is no store.
    """
    folder = StoreFolder.of(path)
    if not folder.exists:
        if not is_run(path):
            raise WorkflowError(folder.missing(path))
        return 0, [f"{path}: has no store of exemplars yet; ste memory rebuild {path} makes it"]
    with folder.held(WAIT_S):
        log = ExemplarLog(folder.log)
        rows = {row.id: row for row in log.new_rows()}
        index = _index(folder, name)
        said = [*log.damaged, *between(rows, index)]
        if is_run(path):
            known = rows.keys() | folder.forgotten()
            said += [
                f"{one.id} (tool {one.tool}) is in the run's journal but not in the log"
                for one in harvested(path)
                if one.id not in known
            ]
    return len(rows), said


def between(rows: Mapping[str, Row], index: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What differs between the rows of a log and those of an index."""
    said = []
    for id, row in sorted(rows.items()):
        if id not in index:
            said.append(f"{id} (tool {row.tool}) is in the log but not in the index")
        elif index[id].get("digest") != row.digest:
            said.append(f"{id} (tool {row.tool}) differs between log and index")
    return said + [f"{id} is in the index but not in the log" for id in sorted(index.keys() - rows.keys())]


def _index(folder: StoreFolder, name: str) -> dict[str, Mapping[str, Any]]:
    if not folder.index.is_dir():
        return {}
    collection = shared(
        folder.index, name, None, f"Make the index again from the log: ste memory rebuild {folder.path}"
    )
    try:
        collection.open()  # anew, since a client does not see what another process has written
        return dict(collection.rows())
    finally:
        collection.close()
