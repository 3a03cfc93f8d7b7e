"""Report: a page about a chain of runs."""

from __future__ import annotations

from pathlib import Path

from ste_graph.contracts import Context
from ste_graph.files.atomic import write_atomically
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.report.page import render_text, write_page
from ste_graph.report.section import section_from_run
from ste_graph.training.errors import report_full_disk


class Report(Node):
    """Write a page about earlier runs, with their tables and plots, and the same as text."""

    title: str = "Results of simulated trial and error"

    class Inputs(NodeInputs):
        """The folders of the runs; a run that was not made is left out."""

        exploration: str | None = None
        distillation: str | None = None
        training: str | None = None
        evaluation: str | None = None
        continual: str | None = None

    class Outputs(NodeOutputs):
        """The file of the page, and the same as text."""

        page: str
        text: str
        simulated: bool

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        folder = ctx.output_path("report")
        runs = {name: run for name, run in inputs.model_dump().items() if run is not None}
        sections = [section_from_run(name, Path(run), folder) for name, run in runs.items()]
        page = write_page(self.title, sections, folder / "report.html")
        text = render_text(sections)
        with report_full_disk(folder):
            write_atomically(page.with_suffix(".txt"), f"{text}\n")
        return self.Outputs(page=str(page), text=text, simulated=any(section.simulated for section in sections))
