"""`ste diff`: what differs between two workflows, variants or runs."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import redirect_stdout
from typing import Annotated, Final

import typer

from ste_graph.command_line import Changes, Format, OutputFormat, echo

WIDTH: Final = 120
"""The width of the text where it goes to no terminal."""


def diff(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="A workflow file, `FILE@VARIANT`, the name of a bundled workflow, or the folder of a run.",
            show_default=False,
        ),
    ],
    b: Annotated[
        str | None, typer.Argument(metavar="[B]", help="Another one; not needed with --variant.", show_default=False)
    ] = None,
    variant: Annotated[
        str | None, typer.Option("--variant", metavar="NAME", help="Compare the file with this variant of it.")
    ] = None,
    changes: Changes = None,
    full: Annotated[bool, typer.Option("--full", help="Show prompts that differ at their whole length.")] = False,
    format: OutputFormat = Format.text,
) -> None:
    """Show what differs between two workflows, variants or runs: graph, prompts, budget; of runs also the outcomes."""
    from ste_graph.lab.diff import compare, open_sides
    from ste_graph.lab.diff.text import diff_text, difference_json
    from ste_graph.language.loading import parse_change

    with redirect_stdout(sys.stderr):  # whatever the code of plugins prints
        found = compare(*open_sides(a, b, variant, [parse_change(change) for change in changes or ()]))
    if format is Format.json:
        echo(json.dumps(difference_json(found), indent=2, ensure_ascii=False))
        return
    width = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
    echo(diff_text(found, width, full=full))
