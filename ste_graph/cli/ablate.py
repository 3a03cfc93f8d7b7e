"""`ste ablate`: what each variant of a workflow changes, by runs that are paired with those of the file as it is."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ste_graph.cli.tool_report import ReportFormat
from ste_graph.command_line import FAILED, INTERRUPTED, Changes, File, command_line, echo, write_result

if TYPE_CHECKING:
    from ste_graph.lab.ablation import Ablation, ArmRun
    from ste_graph.models.prices import Prices
    from ste_graph.run.context import Watcher
    from ste_graph.run.summary import Summary


def ablate(
    file: File,
    variants: Annotated[
        str | None,
        typer.Option(
            "--variants",
            metavar="A,B",
            help="The variants to compare with the file as it is; all of them if not given. A+B is both in one arm.",
            show_default=False,
        ),
    ] = None,
    factorial: Annotated[
        bool, typer.Option("--factorial", help="Every combination of the variants, and the main effect of each.")
    ] = False,
    seeds: Annotated[
        int, typer.Option("--seeds", metavar="N", min=1, help="How often each arm is run, each time by another seed.")
    ] = 1,
    changes: Changes = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="The folder of its runs; runs/NAME.ablate if not given.", show_default=False
        ),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print what would be run and reused, and the most it can cost; run nothing.")
    ] = False,
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", metavar="N", min=1, help="The most requests in flight at each model server."),
    ] = None,
    prices: Annotated[
        str | None,
        typer.Option(
            "--prices",
            metavar="PRICES",
            help="Of a million tokens, as in `{input: 0.15, output: 0.6, currency: USD}`; else `params.prices`.",
            show_default=False,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    format: Annotated[ReportFormat, typer.Option("--format", help="The form of the result.")] = ReportFormat.text,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write the result there, not to stdout.", show_default=False),
    ] = None,
) -> None:
    """Run a workflow under each of its variants, and print what each changes, with intervals.

    All arms are checked and planned before any is run. They share one budget, and are paired: the same tools, seeds and
    random choices. The same command continues, and reuses whatever is finished and still the same.

    Examples: `ste ablate quickstart --seeds 2`, `ste ablate explore --variants no-lessons,no-values --plan`.
    """
    from ste_graph.lab.ablation import plan_ablation, run_ablation
    from ste_graph.lab.ablation_text import ablation_plan_text, result_markdown, result_text
    from ste_graph.lab.arms import compose_arms
    from ste_graph.lab.result import read_result
    from ste_graph.language.loading import parse_change

    names = None if variants is None else [name.strip() for name in variants.split(",") if name.strip()]
    with redirect_stdout(sys.stderr):  # whatever the code of plugins and tools prints
        parsed = [parse_change(change) for change in changes or ()]
        arms = compose_arms(file, names, factorial=factorial, seeds=seeds, changes=parsed)
        place = out or Path("runs") / f"{arms.base.workflow.name}.ablate"
        ablation = plan_ablation(arms, place, None if prices is None else _parse_prices(prices), start=not plan)
    if plan:
        planned = (
            json.dumps(ablation.to_json(), indent=2) if format is ReportFormat.json else ablation_plan_text(ablation)
        )
        write_result(planned, report)
        return
    if not quiet:
        echo(ablation_plan_text(ablation) + "\n", error=True)
    with redirect_stdout(sys.stderr):
        watch = (lambda run: None) if quiet else partial(_watch, ablation)
        summaries = run_ablation(ablation, concurrency=concurrency, watch=watch)
        result = read_result(ablation, summaries)
    match format:
        case ReportFormat.json:
            text = json.dumps(result.to_json(), indent=2)
        case ReportFormat.markdown:
            text = result_markdown(result)
        case ReportFormat.text:
            text = result_text(result)
    write_result(text, report)
    more = ["--variants", variants] if variants is not None else []
    more += ["--factorial"] if factorial else []
    more += ["--seeds", str(seeds)] if seeds != 1 else []
    more += ["--out", str(out)] if out else []
    _end(command_line("ablate", file, None, changes, *more), summaries)


def _parse_prices(text: str) -> Prices:
    """The prices of the command line. Raises `typer.BadParameter` for anything else."""
    import yaml
    from pydantic import ValidationError

    from ste_graph.models.prices import Prices

    try:
        return Prices.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError):
        message = f"{text!r} does not state prices; expected some like {{input: 0.15, output: 0.6, currency: USD}}"
        raise typer.BadParameter(message, param_hint="--prices") from None


def _watch(ablation: Ablation, run: ArmRun) -> Watcher:
    from ste_graph.cli.text.lines import ArmLines

    return ArmLines(sys.stderr, f"[{ablation.runs.index(run) + 1}/{len(ablation.runs)}] {run.title}: ")


def _end(again: str, summaries: Sequence[Summary]) -> None:
    """Says how to go on, by the command `again`, and sets the exit code, where not all is complete."""
    if all(summary.complete for summary in summaries):
        return
    last = summaries[-1]
    how = "Continue"
    if last.stopped_by is not None:
        echo(f"{last.reason}.", error=True)
        how = "Raise the budget, then continue" if last.stopped_by == "budget" else how
    echo(f"Nothing finished is lost. {how} with: {again}", error=True)
    raise typer.Exit(INTERRUPTED if last.stopped_by == "interrupt" else FAILED)
