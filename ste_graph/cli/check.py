"""`ste check`: all problems of a workflow, before a token is spent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ste_graph.command_line import WRONG, Changes, File, Format, NoPlugins, OutputFormat, Variant, echo, load_experiment
from ste_graph.text import count_noun

if TYPE_CHECKING:
    from ste_graph.diagnostics import Diagnostic


def check(
    file: File,
    variant: Variant = None,
    changes: Changes = None,
    no_plugins: NoPlugins = False,
    format: OutputFormat = Format.text,
) -> None:
    """List all problems of a workflow and its variants."""
    from ste_graph.cli.sources import find_source_problems
    from ste_graph.diagnostics import Diagnostic, DiagnosticsError, Span
    from ste_graph.errors import WorkflowError

    variants: Sequence[str] = ()
    try:
        experiment = load_experiment(file, variant, changes, plugins=not no_plugins)
        variants = experiment.variants
        diagnostics = [*experiment.remarks, *([] if no_plugins else find_source_problems(experiment))]
    except DiagnosticsError as problems:
        diagnostics = list(problems.diagnostics)
    except WorkflowError as error:
        message = str(error).removeprefix(f"{file}: ")
        diagnostics = [Diagnostic("E101", "error", message, Span(str(file), 1, 1, 1))]
    failed = any(diagnostic.severity == "error" for diagnostic in diagnostics)
    if format is Format.json:
        echo(json.dumps([diagnostic.to_json() for diagnostic in diagnostics], indent=2))
    else:
        for diagnostic in diagnostics:
            echo(str(diagnostic))
        echo(summary_line(file, diagnostics, variants), error=failed)
    if failed:
        raise typer.Exit(WRONG)


def summary_line(file: Path, diagnostics: Sequence[Diagnostic], variants: Sequence[str]) -> str:
    """The last line of the report."""
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    warnings = sum(diagnostic.severity == "warning" for diagnostic in diagnostics)
    counts = [count_noun(n, word) for n, word in ((errors, "error"), (warnings, "warning")) if n]
    if errors:
        return f"{file}: {', '.join(counts)}"
    remarks = [*counts, *([f"{count_noun(len(variants), 'variant')}: {', '.join(variants)}"] if variants else [])]
    return f"{file}: ok" + (f" ({'; '.join(remarks)})" if remarks else "")
