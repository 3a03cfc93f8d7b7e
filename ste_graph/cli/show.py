"""`ste show`: the trials of a run, or its other records, readably."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ste_graph.cli.options import Format, OutputFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ste_graph.contracts import Json
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
    record: Annotated[
        str | None,
        typer.Option(
            "--record", metavar="TYPE", help="Instead of trials: the records of this type.", show_default=False
        ),
    ] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Instead of trials: how much of each tool they have tried out.")
    ] = False,
    format: OutputFormat = Format.text,
) -> None:
    """Print the trials of a run: request, calls, observations, answer, verdict; or other records, or an evaluation.

    Replies to a test are counted by arm; with `--record reply`, `--tool` or `-n` they are told one by one.
    """
    from ste_graph.cli.outcome import evaluations_of
    from ste_graph.cli.printable import printable
    from ste_graph.cli.trials import overview, told
    from ste_graph.finished import open_run

    opened = open_run(run)
    if tool is not None:
        _know(opened, tool)
    of_trials = solved is not None or failed_calls or coverage
    if record not in (None, "trial") and of_trials:
        said = f"does not go with `--record {record}`: it asks after trials"
        raise typer.BadParameter(said, param_hint="--solved, --unsolved, --failed-calls or --coverage")
    evaluations = evaluations_of(opened) if tool is None and record is None and not coverage else []
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
    elif record is None and not trials and not of_trials and format is Format.text and opened.summary().parts:
        from ste_graph.cli.outcome import outcome_of

        typer.echo(outcome_of(opened.lock["resolved"]["workflow"]["name"], opened.summary()).overview())
    elif record in (None, "reply") and not trials and not of_trials and (replies := _replies(opened, tool)):
        from ste_graph.cli.replies import by_arm, one_by_one

        head = by_arm(opened.path, replies)
        if format is Format.text and (record, tool, number) == (None, None, None):
            typer.echo(head)
        else:
            _print(format, number, head, replies, list(map(one_by_one, replies)), "no such reply")
    elif record not in (None, "trial") or (record is None and not trials and not of_trials and any(opened.records())):
        from ste_graph.cli.records import counted, lines_of, told_record

        lines = lines_of(opened, record, tool)
        head, all_told = counted(opened, lines), [told_record(line) for line in lines]
        _print(format, number, head, lines, all_told, "no such record")
    else:
        kept = _selected(trials, tool, solved, failed_calls)
        nothing = "no such trial" if trials else "no trial yet"
        head, lines, all_told = overview(opened, trials, tool), [one.line for one in kept], [told(one) for one in kept]
        _print(format, number, head, lines, all_told, nothing)


def _print(
    format: Format, number: int | None, head: str, lines: Sequence[dict[str, Json]], told: Sequence[str], nothing: str
) -> None:
    """The first `number` of what was found (None: all): as data, or as told below a head."""
    if format is Format.json:
        typer.echo(json.dumps(lines[:number], indent=2))
        return
    parts = [head, *told[:number]]
    if number is not None and number < len(told):
        parts.append(f"{len(told) - number} more; leave out `-n` to see all {len(told)}")
    elif not told:
        parts.append(nothing)
    typer.echo("\n\n".join(parts))


def _replies(run: FinishedRun, tool: str | None) -> list[dict[str, Json]]:
    """The replies to a test; with `tool`, to its requests."""
    return [
        line for line in run.records() if line["record"] == "reply" and (tool is None or line["gold"]["tool"] == tool)
    ]


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
    from ste_graph.suggest import closest

    units, skipped = run.lock["units"], run.lock.get("skipped", {})
    if tool in units:
        return
    if tool in skipped:
        raise WorkflowError(f"{run.path}: `{tool}` was left out of this run; to allow it: {skipped[tool]['remedy']}")
    near = closest(tool, units)
    meant = f"did you mean `{near}`? " if near else ""
    raise WorkflowError(f"{run.path}: this run has no tool `{tool}`; {meant}it has: {', '.join(sorted(units))}")
