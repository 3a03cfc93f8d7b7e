"""Report: what a chain of runs has come to."""

from __future__ import annotations

from pathlib import Path

from ste_graph.contracts import Context
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.training.faults import writing
from ste_graph.training.report import page, part_of, said_of


class Report(Node):
    """Write a page about earlier runs (which, `reads` says), with their tables and pictures, and the same as text."""

    title: str = "What was learnt"

    class Inputs(NodeInputs):
        """The folder of each run, of those that there are."""

        explored: str | None = None
        distilled: str | None = None
        trained: str | None = None
        evaluated: str | None = None
        continued: str | None = None

    class Outputs(NodeOutputs):
        """The page's file, and the same as text."""

        page: str
        text: str
        simulated: bool

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        runs = {name: run for name, run in inputs.model_dump().items() if run is not None}
        parts = [part_of(name, Path(run), ctx.output_path("report")) for name, run in runs.items()]
        file = page(self.title, parts, ctx.output_path("report") / "report.html")
        text = said_of(parts)
        with writing(file):
            file.with_suffix(".txt").write_text(f"{text}\n", "utf-8")
        return self.Outputs(page=str(file), text=text, simulated=any(part.simulated for part in parts))
