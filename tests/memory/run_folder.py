"""The folder of a finished run, as far as a reader looks at it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ste_graph.run.folder import FORMAT, RunFolder


def write_run(folder: Path, *, units: Iterable[str] = (), journal: Iterable[dict[str, Any]] = ()) -> Path:
    """Write the lock file of a run, known by its folder's name, and its journal."""
    folder.mkdir(parents=True)
    sections: dict[str, Any] = {"units": dict.fromkeys(units), "models": {}, "tools": {}, "skipped": {}, "resolved": {}}
    lock = {"format": FORMAT, "created": str(folder), **sections}
    RunFolder(folder).lock.write_text(json.dumps(lock), "utf-8")
    (folder / "units").mkdir()
    if lines := "".join(json.dumps(line) + "\n" for line in journal):
        RunFolder(folder).journal.write_text(lines, "utf-8")
    return folder
