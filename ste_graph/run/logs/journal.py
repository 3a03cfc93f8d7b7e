"""The journal: the records of a run, one line each, made from the step logs and remade from them at every start."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.atomic import write_atomically
from ste_graph.files.jsonl import LineFile, encode_line, scan_lines
from ste_graph.run.logs.log_totals import LineSet
from ste_graph.run.logs.step_log import StepLog

_HEAD = re.compile(rb'\{"id":"[^"\\]*","record":"([^"\\]*)","[^"\\]*":"([^"\\]*)"[,}]')
"""The beginning of most lines: the id and the type of the record, and its unit."""


def read_records(
    path: Path, *, record: str | None = None, unit: str | None = None
) -> Iterator[tuple[int, dict[str, Json]]]:
    """The lines of a journal, numbered from 1: all, or those of one type of record, or of one unit.

    Of the other lines only the beginning is read. Raises `WorkflowError` that names a damaged line.
    """
    for number, (line, _) in enumerate(scan_lines(path), start=1):
        head = _read_head(line) if (record, unit) != (None, None) else None
        if head is not None and not _is_wanted(head, record, unit):
            continue
        value = _parse(path, number, line)
        if head is not None or _is_wanted(_head_of(value), record, unit):
            yield number, value


def count_records(path: Path) -> Counter[str]:
    """The number of records of each type in a journal. Raises `WorkflowError` that names a damaged line."""
    counts = Counter[str]()
    for number, record in enumerate(read_record_types(path), start=1):
        if record is None:
            raise LineFile(path).damaged_line(number)
        counts[record] += 1
    return counts


def read_record_types(path: Path) -> Iterator[str | None]:
    """The type of record of each line of a journal; None for a line that is damaged."""
    for line, _ in scan_lines(path):
        if (head := _read_head(line)) is not None:
            yield head[0]
        else:
            value = LineFile.parse(line)
            yield None if value is None else str(value.get("record"))


def unit_key(line: Mapping[str, Json]) -> str:
    """The key of the unit in a line of a journal: the first after `id` and `record`."""
    return list(line)[2]


def _read_head(line: bytes) -> tuple[str, str] | None:
    """The type of record and the unit of a line; None where it must be parsed, or is not whole."""
    head = _HEAD.match(line)
    if head is None or not line.endswith(b"}\n"):
        return None
    record, unit = head.groups()
    return record.decode("utf-8", "surrogatepass"), unit.decode("utf-8", "surrogatepass")


def _head_of(line: Mapping[str, Json]) -> tuple[str, str]:
    return str(line.get("record")), str(line[unit_key(line)]) if len(line) > 2 else ""


def _is_wanted(head: tuple[str, str], record: str | None, unit: str | None) -> bool:
    return record in (None, head[0]) and unit in (None, head[1])


def _parse(path: Path, number: int, line: bytes) -> dict[str, Json]:
    value = LineFile.parse(line)
    if value is None:
        raise LineFile(path).damaged_line(number)
    return value


class LoggedRecords:
    """The records in step logs, unit by unit; for a unit that a budget has stopped, one that says so.

    Those of finished units are only read by somebody who goes through them all.
    """

    def __init__(self, logs: Mapping[str, StepLog], *, in_open_waves: bool) -> None:
        self._logs = logs
        self._in_open_waves = in_open_waves

    def __iter__(self) -> Iterator[dict[str, Json]]:
        for log in self._logs.values():
            yield from self._of(log)
        yield from self._of_stopped()

    def __len__(self) -> int:
        stopped = sum(1 for _ in self._of_stopped())
        return stopped + sum(log.totals.lines.count if log.done else len(self._of(log)) for log in self._logs.values())

    @property
    def lines(self) -> LineSet:
        """The lines of a journal that holds just them."""
        found = LineSet()
        for log in self._logs.values():
            if log.done:
                found.add_all(log.totals.lines)
            else:
                found.add_records(self._of(log))
        found.add_records(self._of_stopped())
        return found

    @property
    def open_ids(self) -> set[str]:
        """The ids of the records of units that are not finished."""
        own = {record["id"] for log in self._logs.values() if not log.done for record in self._of(log)}
        return own | {record["id"] for record in self._of_stopped()}

    def _of(self, log: StepLog) -> list[dict[str, Json]]:
        steps = [step for step in log.record_steps if self._in_open_waves or step.key not in log.in_open_waves]
        return [step.record for step in steps if step.record]

    def _of_stopped(self) -> Iterator[dict[str, Json]]:
        return (log.stopped for log in self._logs.values() if log.stopped is not None)


def logged_records(logs: Mapping[str, StepLog]) -> LoggedRecords:
    """The records in the step logs."""
    return LoggedRecords(logs, in_open_waves=True)


def settled_records(logs: Mapping[str, StepLog]) -> LoggedRecords:
    """The records in the step logs, without those that are in the journal once the passes before them are done."""
    return LoggedRecords(logs, in_open_waves=False)


class Journal:
    """The journal of a run that is open for writing."""

    def __init__(self, path: Path, records: Iterable[dict[str, Json]]) -> None:
        self._file = LineFile(path)
        if isinstance(records, LoggedRecords) and self._is_made_of(records.lines):
            self._known = records.open_ids  # no record of a finished unit is made again
            return
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

    def _is_made_of(self, lines: LineSet) -> bool:
        """True if the file exists and has just these lines, written as they are written here."""
        try:
            self._file.cut_unfinished_line()
            return self._file.path.exists() and LineSet.of_file(self._file.path) == lines
        except (OSError, WorkflowError):
            return False

    def _holds(self, wanted: Mapping[str, dict[str, Json]]) -> bool:
        """True if the file exists, as it does even without records, and says just that, in any order."""
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
