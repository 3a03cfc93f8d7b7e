"""The totals of a finished unit. They are in the last line of its log, so that nobody has to read the rest."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.files.jsonl import encode_line, scan_lines
from ste_graph.run.logs.usage_counts import UsageCounts

_BYTES = 16
_ALL = 1 << (8 * _BYTES)


@dataclass(slots=True)
class LineSet:
    """Lines of a file, known by their number and the sum of their hashes: the same for the same lines in any order."""

    count: int = 0
    total: int = 0

    def add(self, line: bytes) -> None:
        """Add an encoded line."""
        self.count += 1
        self.total = (self.total + int.from_bytes(hashlib.blake2b(line, digest_size=_BYTES).digest())) % _ALL

    def add_records(self, records: Iterable[Mapping[str, Json]]) -> None:
        """Add records, as a journal writes them."""
        for record in records:
            self.add(encode_line(record))

    def add_all(self, other: LineSet) -> None:
        """Add the lines of another set."""
        self.count, self.total = self.count + other.count, (self.total + other.total) % _ALL

    @classmethod
    def of_file(cls, path: Path) -> LineSet:
        """The lines of a file, without a last one that was not finished."""
        found = cls()
        for line, _ in scan_lines(path):
            found.add(line)
        return found


@dataclass(slots=True)
class LogTotals:
    """The totals of a unit's log."""

    used: UsageCounts = field(default_factory=UsageCounts)
    calls: Counter[str] = field(default_factory=Counter)
    """The number of tool calls that ended in each way."""
    records: Counter[str] = field(default_factory=Counter)
    """The number of records of each type."""
    lines: LineSet = field(default_factory=LineSet)
    """The records, as lines of the journal."""
    loops: Counter[tuple[str, str]] = field(default_factory=Counter)
    """The number of times that each loop ended for each reason."""
    sub_workflows: dict[str, dict[str, Json]] = field(default_factory=dict)
    """The outputs of sub-workflows, by the step that ran them."""

    def add_record(self, record: Mapping[str, Json]) -> None:
        """Count a record."""
        self.records[record["record"]] += 1
        self.lines.add(encode_line(record))

    def to_json(self) -> dict[str, Json]:
        """The totals as plain data."""
        return {
            "used": self.used.to_json(),
            "calls": dict(self.calls),
            "records": dict(self.records),
            "lines": [self.lines.count, f"{self.lines.total:x}"],
            "loops": [[*ended, count] for ended, count in self.loops.items()],
            "sub_workflows": self.sub_workflows,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> LogTotals:
        """The totals from plain data. Raises `KeyError`, `TypeError` or `ValueError` for damaged ones."""
        count, total = data["lines"]
        return cls(
            UsageCounts(**data["used"]),
            Counter(data["calls"]),
            Counter(data["records"]),
            LineSet(int(count), int(total, 16)),
            Counter({(loop, reason): number for loop, reason, number in data["loops"]}),
            dict(data["sub_workflows"]),
        )
