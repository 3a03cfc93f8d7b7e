"""`ste show`: the trials of a run, readably."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ste_graph.cli.options import Format, OutputFormat

if TYPE_CHECKING:
    from ste_graph.finished import FinishedRun, Trials


def show(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)],
    tool: Annotated[
        str | None, typer.Option("--tool", metavar="NAME", help="Only the trials of this tool.", show_default=False)
    ] = None,
    solved: Annotated[
        bool | None,
        typer.Option("--solved/--unsolved", help="Only those solved, or only those not.", show_default=False),
    ] = None,
    failed_calls: Annotated[bool, typer.Option("--failed-calls", help="Only those in which a call failed.")] = False,
    number: Annotated[
        int | None, typer.Option("-n", metavar="N", min=0, help="So many trials at most.", show_default=False)
    ] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Instead of trials: how much of each tool they have tried out.")
    ] = False,
    format: OutputFormat = Format.text,
) -> None:
    """Print the trials of a run: request, calls, observations, answer, verdict; of an evaluation, its table."""
    from ste_graph.cli.outcome import evaluations_of
    from ste_graph.cli.printable import printable
    from ste_graph.cli.trials import overview, told
    from ste_graph.finished import open_run

    opened = open_run(run)
    if tool is not None:
        _know(opened, tool)
    evaluations = evaluations_of(opened) if tool is None and not coverage else []
    if evaluations:
        tables = "\n\n".join(printable(line["table"]) for line in evaluations)
        typer.echo(json.dumps(evaluations, indent=2) if format is Format.json else tables)
        return
    trials = opened.trials()
    if coverage:
        from ste_graph.cli.coverage import coverages, covered

        of_tools = coverages(opened, trials, tool)
        data = {name: one.model_dump(mode="json") for name, one in of_tools.items()}
        typer.echo(json.dumps(data, indent=2) if format is Format.json else covered(of_tools))
        return
    found = _selected(trials, tool, solved, failed_calls)
    chosen = found if number is None else found[:number]
    if format is Format.json:
        typer.echo(json.dumps([kept.line for kept in chosen], indent=2))
        return
    parts = [overview(opened, trials, tool), *(told(kept) for kept in chosen)]
    if len(chosen) < len(found):
        parts.append(f"{len(found) - len(chosen)} more; leave out `-n` to see all {len(found)}")
    elif not found:
        parts.append("no such trial" if trials else "no trial yet")
    typer.echo("\n\n".join(parts))


def _selected(trials: Trials, tool: str | None, solved: bool | None, failed_calls: bool) -> Trials:
    from ste_graph.cli.trials import has_failed_call

    if tool is not None:
        trials = trials.where(lambda kept: kept.tool == tool)
    if solved is not None:
        trials = trials.where(lambda kept: (kept.trial.solved is True) == solved)
    return trials.where(has_failed_call) if failed_calls else trials


def _know(run: FinishedRun, tool: str) -> None:
    """Raise `WorkflowError` for a tool that the run does not have."""
    from ste_graph.errors import WorkflowError
    from ste_graph.language.diagnostics import closest

    units, skipped = run.lock["units"], run.lock.get("skipped", {})
    if tool in units:
        return
    if tool in skipped:
        raise WorkflowError(f"{run.path}: `{tool}` was left out of this run; to allow it: {skipped[tool]['remedy']}")
    near = closest(tool, units)
    meant = f"did you mean `{near}`? " if near else ""
    raise WorkflowError(f"{run.path}: this run has no tool `{tool}`; {meant}it has: {', '.join(sorted(units))}")
