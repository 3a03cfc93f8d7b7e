"""`ste run`: the run, its progress, and what it has come to."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ste_graph.cli.exits import FAILED, INTERRUPTED
from ste_graph.cli.options import Changes, File, Format, OutputFormat, Variant, command, experiment

if TYPE_CHECKING:
    from ste_graph.cli.progress import Counting


def run(
    file: File,
    variant: Variant = None,
    changes: Changes = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="The run's folder; runs/NAME[.VARIANT] if not given.", show_default=False
        ),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", metavar="N", min=1, help="Model requests in flight at most; 64 if not given."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do everything but call the tools: what would be called is refused.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    format: OutputFormat = Format.text,
) -> None:
    """Run a workflow, or go on with the run that is in its folder."""
    from ste_graph.cli.outcome import outcome_of

    found = experiment(file, variant, changes)
    folder = out or (found.default_out.with_name(found.default_out.name + ".dry-run") if dry_run else found.default_out)
    for remark in found.remarks:
        typer.echo(str(remark), err=True)
    with redirect_stdout(sys.stderr), _watched(quiet) as watcher:
        summary = found.run(folder, concurrency=concurrency, watcher=watcher, dry_run=dry_run)
    for said in summary.remarks:
        typer.echo(f"note: {said}", err=True)
    title = ", ".join(filter(None, [found.workflow.name, variant, "dry run" if dry_run else None]))
    outcome = outcome_of(title, summary)
    if format is Format.json:
        typer.echo(json.dumps(outcome.to_json()))
    else:
        typer.echo(outcome.text())
    more = [*(["--out", str(out)] if out else []), *(["--dry-run"] if dry_run else [])]
    if summary.complete and watcher is not None and watcher.progress is None:
        typer.echo("This run was complete before: nothing was done.", err=True)
    if not summary.complete:
        go = "Raise the budget, then go" if summary.stopped_by == "budget" else "Go"
        typer.echo(f"Nothing finished is lost. {go} on with: {command('run', file, variant, changes, *more)}", err=True)
    if summary.stopped_by == "interrupt":
        raise typer.Exit(INTERRUPTED)
    if summary.failed:
        raise typer.Exit(FAILED)


@contextmanager
def _watched(quiet: bool) -> Iterator[Counting | None]:
    """The display of progress on stderr: a table on a terminal, lines elsewhere."""
    if quiet:
        yield None
        return
    from ste_graph.cli.lines import Lines

    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield Lines(sys.stderr)
        return
    from rich.console import Console

    from ste_graph.cli.table import Table

    with Table(Console(stderr=True)) as table:
        yield table
