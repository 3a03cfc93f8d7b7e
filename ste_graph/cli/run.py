"""`ste run`: a run, its progress, and its outcome."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ste_graph.cli.since import Since, explain_since, review_since, with_since
from ste_graph.command_line import (
    FAILED,
    INTERRUPTED,
    Changes,
    File,
    Format,
    OutputFormat,
    Variant,
    command_line,
    echo,
    load_experiment,
)

if TYPE_CHECKING:
    from ste_graph.cli.text.progress import CountingWatcher


def run(
    file: File,
    variant: Variant = None,
    changes: Changes = None,
    since: Since = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="The run's folder; runs/NAME[.VARIANT] if not given.", show_default=False
        ),
    ] = None,
    from_run: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help="Go on from a point of this other run (with --at), under this arm, in a folder of its own.",
            show_default=False,
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="POINT",
            help="The pass of --from that runs anew, as in `tool=add_days,episode=7`; what came before is replayed.",
            show_default=False,
        ),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            "--concurrency",
            metavar="N",
            min=1,
            help="The most requests in flight at each model server; if not given, found out, up to 64.",
        ),
    ] = None,
    executor: Annotated[
        str,
        typer.Option(
            "--executor",
            metavar="WHERE",
            help="Where units run: asyncio (this process), ray (processes here), ray://HOST:PORT (a cluster).",
        ),
    ] = "asyncio",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do everything except call the tools: each call is refused.")
    ] = False,
    accept_changes: Annotated[
        bool,
        typer.Option(
            "--accept-changes", help="Continue under code, prompts and tools that have changed since the run began."
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    format: OutputFormat = Format.text,
) -> None:
    """Run a workflow, or continue the run in its folder."""
    from ste_graph.cli.sources import placed_faults, report_empty_tests
    from ste_graph.cli.text.outcome import outcome_from_summary
    from ste_graph.diagnostics import DiagnosticsError

    if (from_run is None) != (at is None):
        raise typer.BadParameter("one says which run, the other where in it: give both", param_hint="--from, --at")
    changes = with_since(changes, since)
    with explain_since(file, since):
        experiment = load_experiment(file, variant, changes)
    if empty := report_empty_tests(experiment):
        raise DiagnosticsError(empty)
    default, fork = experiment.default_out, None
    with placed_faults(experiment):
        review = review_since(experiment.workflow, start=True)
    if review is not None:
        default = default.with_name(f"{default.name}.since-{Path(review.pack).name}")
        for line in review.lines():
            echo(line, error=True)
        if review.has_nothing_to_do:
            echo("Nothing to do: no tool is new, changed or weak compared with the pack.")
            return
    if from_run is not None and at is not None:
        from ste_graph.run.forks.fork import Fork, fork_folder

        default, fork = fork_folder(default, at), Fork(from_run, at)
    folder = out or (default.with_name(f"{default.name}.dry-run") if dry_run else default)
    for diagnostic in experiment.remarks:
        echo(str(diagnostic), error=True)
    with placed_faults(experiment), redirect_stdout(sys.stderr), _stay_here(), _open_watcher(quiet) as watcher:
        summary = experiment.run(
            folder,
            concurrency=concurrency,
            watcher=watcher,
            dry_run=dry_run,
            accept_changes=accept_changes,
            fork=fork,
            executor=executor,
        )
    for remark in summary.remarks:
        echo(f"note: {remark}", error=True)
    title = ", ".join(filter(None, [experiment.workflow.name, variant, "dry run" if dry_run else None]))
    outcome = outcome_from_summary(title, summary)
    if format is Format.json:
        echo(json.dumps(outcome.to_json()))
    else:
        echo(outcome.text())
    origin = ["--from", str(from_run), "--at", at] if from_run is not None and at is not None else []
    where = [] if executor == "asyncio" else ["--executor", executor]
    more = [*(["--out", str(out)] if out else []), *origin, *where, *(["--dry-run"] if dry_run else [])]
    if summary.complete and watcher is not None and watcher.progress is None:
        echo("This run was complete before: nothing was done.", error=True)
    if not summary.complete:
        first = "Raise the budget, then continue" if summary.stopped_by == "budget" else "Continue"
        again = command_line("run", file, variant, changes, *more)
        echo(f"Nothing finished is lost. {first} with: {again}", error=True)
        if summary.failed:
            echo("After a change of your code, prompts or tools, add: --accept-changes", error=True)
    if summary.stopped_by == "interrupt":
        raise typer.Exit(INTERRUPTED)
    if summary.failed:
        raise typer.Exit(FAILED)


@contextmanager
def _stay_here() -> Iterator[None]:
    """Come back to the current folder at the end: a tool may have left it, and paths are shown relative to it."""
    here = Path.cwd()
    try:
        yield
    finally:
        os.chdir(here)


@contextmanager
def _open_watcher(quiet: bool) -> Iterator[CountingWatcher | None]:
    """Opens the display of progress on stderr: a table on a terminal, lines elsewhere."""
    if quiet:
        yield None
        return
    from ste_graph.cli.text.lines import ProgressLines

    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield ProgressLines(sys.stderr)
        return
    from rich.console import Console

    from ste_graph.cli.text.table import LiveTable

    with LiveTable(Console(stderr=True)) as table:
        yield table
