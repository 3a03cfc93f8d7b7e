"""The journal: the records of a run, one line each, made from the step logs and remade from them at every start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.atomic import write_atomically
from ste_graph.files.jsonl import LineFile, encode_line
from ste_graph.run.step_log import StepLog


def logged_records(logs: Mapping[str, StepLog]) -> list[dict[str, Json]]:
    """The records in the step logs, unit by unit."""
    return [step.record for log in logs.values() for step in log.record_steps if step.record]


class Journal:
    """The journal of a run that is open for writing."""

    def __init__(self, path: Path, records: Iterable[dict[str, Json]]) -> None:
        self._file = LineFile(path)
        wanted = {record["id"]: record for record in records}
        if not self._holds(wanted):
            self._rewrite(wanted.values())
        self._known = set(wanted)

    def add(self, record: dict[str, Json]) -> None:
        """Write a record that is in a step log; one that is there already is not written again."""
        if record["id"] not in self._known:
            self._file.append(record)
            self._known.add(record["id"])

    def close(self) -> None:
        self._file.close()

    def _holds(self, wanted: Mapping[str, dict[str, Json]]) -> bool:
        """Whether the file is there, as it is where no record was made, and says just that, in any order."""
        if not self._file.path.exists():
            return False
        try:
            self._file.cut_unfinished_line()
            there = list(self._file.lines())
        except (OSError, WorkflowError):
            return False
        return len(there) == len(wanted) and {line.get("id"): line for line in there} == wanted

    def _rewrite(self, records: Iterable[dict[str, Json]]) -> None:
        write_atomically(self._file.path, map(encode_line, records))
