"""The journal: the records of a run, one line each, made from the step logs and remade from them at every start."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import RunError, WorkflowError
from ste_graph.run.appending import LineFile


class Journal:
    """The journal of a run that is open for writing."""

    def __init__(self, path: Path, records: Iterable[dict[str, Json]]) -> None:
        self._file = LineFile(path)
        self._known: set[str] = set()
        wanted = {record["id"]: record for record in records}
        try:
            there = {line["id"]: line for line in self._file.lines() if "id" in line}
        except WorkflowError:
            there = {}
        if there != wanted:
            self._rewrite(wanted.values())
        self._known = set(wanted)

    def add(self, record: dict[str, Json]) -> None:
        """Write a record that is in a step log; one that is there already is not written again."""
        if record["id"] not in self._known:
            self._file.append(record)
            self._known.add(record["id"])

    def close(self) -> None:
        self._file.close()

    def _rewrite(self, records: Iterable[dict[str, Json]]) -> None:
        aside = self._file.path.with_suffix(".new")
        try:
            with aside.open("w", encoding="utf-8") as file:
                for record in records:
                    file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self._file.path)
        except OSError as error:
            raise RunError(f"{self._file.path}: cannot be written ({error.strerror})") from error
