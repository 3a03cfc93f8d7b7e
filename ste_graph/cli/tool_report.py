"""`ste tools report`: what runs tell the author of the tools."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ste_graph.command_line import OutFile, write_result


class ReportFormat(StrEnum):
    """Text for a terminal, Markdown for an issue or a page, or data for a program."""

    text = "text"
    markdown = "markdown"
    json = "json"


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Folders of runs: of `explore`, of `gain` with its parts, of a test next to its exploration.",
            show_default=False,
        ),
    ],
    format: Annotated[ReportFormat, typer.Option("--format", help="The form of the report.")] = ReportFormat.text,
    out: OutFile = None,
) -> None:
    """Tell the author of tools what a model gets wrong about them, with the trials that show it.

    Tools that are taken for one another, how each parameter fails, values that do not exist, descriptions that mislead,
    what providers refuse, and what rewritten descriptions changed. Reads the runs; calls nothing.

    Examples: `ste tools report runs/gain`, `ste tools report runs/explore runs/icl --format markdown --out TOOLS.md`.
    """
    from ste_graph.report.tools.findings import list_findings
    from ste_graph.report.tools.render import render_markdown, render_text
    from ste_graph.report.tools.report import report_tools

    found = report_tools(runs)
    match format:
        case ReportFormat.text:
            text = render_text(found)
        case ReportFormat.markdown:
            text = render_markdown(found)
        case ReportFormat.json:
            findings = [finding.model_dump(mode="json") for finding in list_findings(found)]
            text = json.dumps({"findings": findings, **found.model_dump(mode="json")}, indent=2)
    write_result(text, out)
