"""`ste check`: what is wrong with a workflow, before a token is spent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ste_graph.cli.exits import WRONG
from ste_graph.cli.options import Changes, File, Format, NoPlugins, OutputFormat, Variant, experiment
from ste_graph.cli.printable import counted

if TYPE_CHECKING:
    from ste_graph.language.diagnostics import Diagnostic


def check(
    file: File,
    variant: Variant = None,
    changes: Changes = None,
    no_plugins: NoPlugins = False,
    format: OutputFormat = Format.text,
) -> None:
    """Say everything that is wrong with a workflow and all its variants."""
    from ste_graph.cli.sources import tool_problems
    from ste_graph.errors import WorkflowError
    from ste_graph.language.diagnostics import Diagnostic, DiagnosticsError, Span

    variants: Sequence[str] = ()
    try:
        found = experiment(file, variant, changes, plugins=not no_plugins)
        variants = found.variants
        diagnostics = [*found.remarks, *([] if no_plugins else tool_problems(found))]
    except DiagnosticsError as problems:
        diagnostics = list(problems.diagnostics)
    except WorkflowError as fault:
        said = str(fault).removeprefix(f"{file}: ")
        diagnostics = [Diagnostic("E101", "error", said, Span(str(file), 1, 1, 1))]
    failed = any(one.severity == "error" for one in diagnostics)
    if format is Format.json:
        typer.echo(json.dumps([one.to_json() for one in diagnostics], indent=2))
    else:
        for one in diagnostics:
            typer.echo(str(one))
        typer.echo(verdict(file, diagnostics, variants), err=failed)
    if failed:
        raise typer.Exit(WRONG)


def verdict(file: Path, diagnostics: Sequence[Diagnostic], variants: Sequence[str]) -> str:
    """The last line of the report."""
    errors = sum(one.severity == "error" for one in diagnostics)
    warnings = sum(one.severity == "warning" for one in diagnostics)
    counts = [counted(n, word) for n, word in ((errors, "error"), (warnings, "warning")) if n]
    if errors:
        return f"{file}: {', '.join(counts)}"
    remarks = [*counts, *([f"{counted(len(variants), 'variant')}: {', '.join(variants)}"] if variants else [])]
    return f"{file}: ok" + (f" ({'; '.join(remarks)})" if remarks else "")
