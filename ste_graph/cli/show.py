"""`ste show`: the trials of a run, or its other records, readably."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ste_graph.command_line import Changes, Format, echo
from ste_graph.errors import WorkflowError
from ste_graph.suggest import did_you_mean, list_choices
from ste_graph.text import count_noun, printable

if TYPE_CHECKING:
    from ste_graph.contracts import Json
    from ste_graph.finished import FinishedRun, JournalTrial

_Shown = TypeVar("_Shown")


class ShowFormat(StrEnum):
    """Text for a person, data for a program, or LaTeX for a paper."""

    text = "text"
    json = "json"
    latex = "latex"


def show(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN", help="The folder of a run; with --methods a workflow file too.", show_default=False
        ),
    ] = None,
    tool: Annotated[
        str | None, typer.Option("--tool", metavar="NAME", help="Only the trials of this tool.", show_default=False)
    ] = None,
    solved: Annotated[
        bool | None,
        typer.Option("--solved/--unsolved", help="Only those solved, or only those not.", show_default=False),
    ] = None,
    failed_calls: Annotated[bool, typer.Option("--failed-calls", help="Only those in which a call failed.")] = False,
    number: Annotated[
        int | None, typer.Option("-n", metavar="N", min=0, help="At most this many trials.", show_default=False)
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
    methods: Annotated[
        bool,
        typer.Option(
            "--methods", help="Instead of trials: the methods in words and tables, of a run or of a workflow file."
        ),
    ] = False,
    variant: Annotated[
        str | None,
        typer.Option("--variant", metavar="NAME", help="With --methods FILE: this variant alone.", show_default=False),
    ] = None,
    changes: Changes = None,
    web: Annotated[
        bool,
        typer.Option(
            "--web",
            help="Serve the page of `ste report` here, of the newest run if none is named; it follows a run.",
        ),
    ] = False,
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="With --web: the port; 0 for any that is free.")
    ] = 8321,
    form: Annotated[
        ShowFormat, typer.Option("--format", help="Text, data for a program, or (with --methods) LaTeX.")
    ] = ShowFormat.text,
) -> None:
    """Print the trials of a run: request, calls, observations, answer, verdict; or other records, or an evaluation.

    Replies to a test are counted by arm; with `--record reply`, `--tool` or `-n` each reply is printed.
    With --web, a page in the browser instead of text.
    """
    if web:
        from ste_graph.cli.report import serve_page

        serve_page(run, port)
        return
    if run is None:
        raise typer.BadParameter("which run? expected `ste show RUN`", param_hint="RUN")
    if methods:
        from ste_graph.cli.methods import show_methods

        show_methods(run, variant, changes, form.value)
        return
    if form is ShowFormat.latex or variant is not None or changes:
        raise typer.BadParameter("goes with --methods alone", param_hint="--format latex, --variant or --set")
    from ste_graph.finished import open_run

    format = Format(form.value)
    opened = open_run(run)
    page = _Page(opened, opened.count_records(), tool, solved, failed_calls, number, record, coverage, format)
    if record not in (None, "trial") and page.selects_trials:
        message = f"does not go with `--record {record}`: it selects trials"
        raise typer.BadParameter(message, param_hint="--solved, --unsolved, --failed-calls or --coverage")
    if format is Format.text and (entry := opened.lock.get("forked_from")) is not None:
        from ste_graph.run.forks.fork import describe_origin

        echo(f"forked from {describe_origin(entry)}\n")
    if format is Format.text and (stopped := page.counts["budget"]):
        why = next(opened.records("budget"))["why"]
        echo(f"{count_noun(stopped, 'unit')} not done for want of budget (--record budget): {why}\n")
    if not _show_whole_run(page):
        _check_place(page)
        _show_selection(page)


@dataclass(frozen=True, slots=True)
class _Page:
    """The run to show, and the part of it that is asked for."""

    run: FinishedRun
    counts: Counter[str]
    """The number of its records of each type."""
    tool: str | None
    solved: bool | None
    failed_calls: bool
    number: int | None
    record: str | None
    coverage: bool
    format: Format

    @property
    def selects_trials(self) -> bool:
        """True if an option is given that makes sense for trials alone."""
        return self.solved is not None or self.failed_calls or self.coverage

    @property
    def is_plain(self) -> bool:
        """True if no option narrows the run."""
        return (self.tool, self.record, self.number) == (None, None, None) and not self.selects_trials

    def print(
        self,
        found: Iterable[_Shown],
        data: Callable[[_Shown], Mapping[str, Json]],
        text: Callable[[_Shown], str],
        head: Callable[[], str],
        *,
        empty: str,
    ) -> None:
        """Prints the first `number` found (None: all): as data, or as texts below a head, made when all are found."""
        if self.format is Format.json:
            echo(json.dumps([data(shown) for shown in islice(found, self.number)], indent=2))
            return
        texts, count = [], 0
        for count, shown in enumerate(found, start=1):
            if self.number is None or count <= self.number:
                texts.append(text(shown))
        parts = [head(), *texts]
        if len(texts) < count:
            parts.append(f"{count - len(texts)} more; leave out `-n` to see all {count}")
        elif not count and empty:
            parts.append(empty)
        echo("\n\n".join(parts))


def _show_whole_run(page: _Page) -> bool:
    """Shows the evaluations of a run, or its parts, and returns True; False if its records are to be shown."""
    from ste_graph.cli.text.outcome import read_evaluations

    whole = (page.tool, page.record, page.coverage) == (None, None, False)
    if whole and (evaluations := read_evaluations(page.run)):
        _show_evaluations(page, evaluations)
    elif page.is_plain and not page.counts["trial"] and page.run.sub_runs:
        _show_parts(page.run, page.format)
    else:
        return False
    return True


def _show_selection(page: _Page) -> None:
    has_trials = page.counts["trial"] > 0 or (not page.counts and _makes_trials(page.run))
    if page.coverage:
        _show_coverage(page)
        return
    if page.selects_trials or page.record == "trial" or (page.record is None and has_trials):
        _show_trials(page)
        return
    if page.format is Format.text and (failures := _failure_text(page)):
        echo(f"{failures}\n")
    if page.record in (None, "reply") and page.counts["reply"] and (replies := _replies(page)):
        _show_replies(page, replies)
    else:
        _show_records(page)


def _makes_trials(run: FinishedRun) -> bool:
    """True if the workflow of a run records trials."""
    graph = run.lock.get("resolved", {}).get("workflow", {}).get("graph")
    return graph is None or '"record": "trial"' in json.dumps(graph)


def _failure_text(page: _Page) -> str:
    """The units that failed, each with the reason; of one tool, if one is asked for."""
    logs = page.run.logs(page.tool)
    failed = [f"  {unit}: {printable(log.failure)}" for unit, log in logs.items() if log.failure]
    head = f"{len(failed)} of {count_noun(len(logs), 'unit')} failed; running again continues where they stopped:"
    return "\n".join([head, *failed]) if failed else ""


def _show_evaluations(page: _Page, evaluations: Sequence[Mapping[str, Json]]) -> None:
    from ste_graph.cli.text.outcome import read_untested
    from ste_graph.packs.untested import untested_lines

    if page.format is Format.json:
        echo(json.dumps(evaluations, indent=2))
        return
    parts = [f"{line['table']}\n\n{line['details']}" for line in evaluations]
    untested = "\n".join(untested_lines(read_untested(page.run)))
    echo("\n\n".join(filter(None, [*parts, untested])))


def _show_parts(run: FinishedRun, format: Format) -> None:
    from ste_graph.cli.text.outcome import outcome_from_summary

    outcome = outcome_from_summary(run.lock["resolved"]["workflow"]["name"], run.summary())
    if format is Format.json:
        echo(json.dumps(outcome.to_json(), indent=2))
        return
    look = [f"Look at a part of it with: {_command(part)}" for part in run.sub_runs[:1]]
    echo("\n\n".join([outcome.overview(), *look]))


def _show_coverage(page: _Page) -> None:
    from ste_graph.cli.text.trials import coverage_by_tool, coverage_table

    found = coverage_by_tool(page.run, page.tool)
    data = {name: coverage.model_dump(mode="json") for name, coverage in found.items()}
    echo(json.dumps(data, indent=2) if page.format is Format.json else coverage_table(found))


def _show_trials(page: _Page) -> None:
    from ste_graph.cli.text.trials import TrialsOverview, has_failed_call, trial_text

    overview = TrialsOverview(page.run, page.tool)

    def select() -> Iterator[JournalTrial]:
        for kept in page.run.each_trial(page.tool):
            if page.format is Format.text:
                overview.add(kept)
            if page.solved in (None, kept.trial.solved is True) and (not page.failed_calls or has_failed_call(kept)):
                yield kept

    page.print(
        select(),
        data=lambda kept: kept.line,
        text=lambda kept: trial_text(kept, overview.facts),
        head=lambda: overview.text(page.counts["trial"]),
        empty="no such trial" if page.counts["trial"] else "no trial yet",
    )


def _show_replies(page: _Page, replies: Sequence[dict[str, Json]]) -> None:
    from ste_graph.cli.text.records import replies_table, reply_text

    head = replies_table(page.run.path, replies)
    if page.format is Format.json or not page.is_plain:
        page.print(replies, dict, reply_text, lambda: head, empty="no such reply")
    else:
        echo(head)


def _show_records(page: _Page) -> None:
    from ste_graph.cli.text.records import record_text, records_summary, select_records

    lines = select_records(page.run, page.record, page.tool)
    empty = "no such record" if page.counts else ""
    page.print(lines, dict, record_text, lambda: records_summary(page.run, lines), empty=empty)


def _replies(page: _Page) -> list[dict[str, Json]]:
    """The replies to a test, or to its requests to one tool."""
    return [line for line in page.run.records("reply") if page.tool in (None, line["gold"]["tool"])]


def _check_place(page: _Page) -> None:
    """Raise `WorkflowError` if the records are in a part of the run, or if the run does not have the tool."""
    run, kind = page.run, page.record or "trial"
    if not page.counts["trial"] and not page.counts[kind] and (parts := run.sub_runs):
        holders = [part for part in parts if part.count_records()[kind]]
        where = f"they are in its parts; look with: {' · '.join(map(_command, holders))}" if holders else ""
        where = where or f"nor has any of its parts: {', '.join(str(part.path) for part in parts)}"
        raise WorkflowError(f"{run.path}: this run has no `{kind}` records of its own; {where}")
    units, skipped = run.lock["units"], run.lock.get("skipped", {})
    if page.tool is None or page.tool in units:
        return
    if page.tool in skipped:
        remedy = skipped[page.tool]["remedy"]
        raise WorkflowError(f"{run.path}: `{page.tool}` was left out of this run; to allow it: {remedy}")
    hint = did_you_mean(page.tool, units)
    raise WorkflowError(f"{run.path}: this run has no tool `{page.tool}`; {hint}it has: {list_choices(units)}")


def _command(part: FinishedRun) -> str:
    return f"ste show {shlex.quote(str(part.path))}"
