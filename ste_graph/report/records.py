"""The record of a report, as a run's journal keeps it."""

from __future__ import annotations

from ste_graph.records import Record


class ReportRecord(Record):
    """A report on a chain of runs: the file of the page, and the same as text."""

    page: str
    content: str
    simulated: bool = False

    @property
    def text(self) -> str:
        return self.content
