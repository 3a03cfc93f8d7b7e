"""Report: what a chain of runs has come to."""

from __future__ import annotations

from pathlib import Path

from ste_graph.node import Node, Output, Reads
from ste_graph.training.faults import writing
from ste_graph.training.report import page, part_of, said_of


class Report(Node):
    """Write a page about earlier runs (which, `reads` says), with their tables and pictures, and the same as text."""

    title: str = "What was learnt"

    class See(Reads):
        """The folder of each run, of those that there are."""

        explored: str | None = None
        distilled: str | None = None
        trained: str | None = None
        evaluated: str | None = None
        continued: str | None = None

    class Gives(Output):
        """The page's file, and the same as text."""

        page: str
        text: str
        simulated: bool

    async def __call__(self, see: See) -> Gives:
        runs = {name: run for name, run in see.model_dump().items() if run is not None}
        parts = [part_of(name, Path(run), see.place("report")) for name, run in runs.items()]
        file = page(self.title, parts, see.place("report") / "report.html")
        text = said_of(parts)
        with writing(file):
            file.with_suffix(".txt").write_text(f"{text}\n", "utf-8")
        return self.Gives(page=str(file), text=text, simulated=any(part.simulated for part in parts))
