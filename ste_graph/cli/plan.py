"""`ste plan`: the most that a run can cost."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ste_graph.cli.since import Since, explain_since, review_since, with_since
from ste_graph.command_line import Changes, File, Format, NoPlugins, OutputFormat, Variant, echo, load_experiment
from ste_graph.errors import WorkflowError
from ste_graph.text import count_noun, join_first

SHOWN = 12
"""The number of units that a text names; the rest is counted."""

if TYPE_CHECKING:
    from ste_graph.compile.cost import Cost
    from ste_graph.experiment import Experiment
    from ste_graph.lab.estimate import Estimate
    from ste_graph.language.workflow import Workflow
    from ste_graph.plan import Plan


def plan(
    file: File,
    variant: Variant = None,
    changes: Changes = None,
    since: Since = None,
    sample: Annotated[
        Path | None,
        typer.Option(
            "--sample",
            metavar="RUN",
            help="Expect of each unit what this run of the workflow used; if not given, the one in its folder.",
            show_default=False,
        ),
    ] = None,
    no_plugins: NoPlugins = False,
    format: OutputFormat = Format.text,
) -> None:
    """Print the most that a run can cost, before it starts, and what it is expected to use by an earlier run.

    Of a test of forms also what it is likely to show.
    """
    from ste_graph.cli.sources import placed_faults
    from ste_graph.cli.text.expected import expected_lines, terms_json
    from ste_graph.cli.text.forecast import evaluates, make_forecast, power_rows

    changes = with_since(changes, since)
    with explain_since(file, since):
        experiment = load_experiment(file, variant, changes, plugins=not no_plugins)
    with placed_faults(experiment), redirect_stdout(sys.stderr):
        planned = experiment.plan(tools=not no_plugins)
        review = None if no_plugins else review_since(experiment.workflow, start=False)
        expected = _estimate(experiment, planned, sample)
    if format is Format.json:
        loops = {name: bound for _, name, bound, _ in loop_bounds(experiment.workflow)}
        found: dict[str, object] = {**planned.to_json(), "loops": loops}
        found |= {"models": terms_json(experiment.workflow), "expected": expected and expected.to_json()}
        if evaluates(experiment.workflow):
            forecast = make_forecast(experiment.workflow, planned)
            rows = power_rows(forecast.candidates, forecast.cases) if forecast else power_rows(1)
            found["power"] = {str(cases): {f"{gain:g}": share for gain, share in row} for cases, row in rows}
            found["likely"] = forecast and forecast.to_json()
        if review is not None:
            found["since"] = review.to_json()
        echo(json.dumps(found, indent=2))
    else:
        if review is not None:
            echo("\n".join([*review.lines(), ""]))
        if review is not None and review.has_nothing_to_do:
            echo("nothing to do: no tool is new, changed or weak")
            return
        echo(plan_text(experiment.workflow, planned))
        echo("\n".join(["", *expected_lines(expected, experiment.default_out)]))


def _estimate(experiment: Experiment, planned: Plan, sample: Path | None) -> Estimate | None:
    """The estimate; None if it was not asked for, and what is in the workflow's folder gives none."""
    from ste_graph.lab.estimate import estimate_run, last_run

    source = sample or last_run(experiment.default_out)
    try:
        return None if source is None else estimate_run(experiment.workflow, planned, source)
    except WorkflowError:
        if sample is not None:
            raise
        return None


def plan_text(workflow: Workflow, planned: Plan) -> str:
    """The plan for a person."""
    from ste_graph.cli.text.expected import terms_lines
    from ste_graph.cli.text.forecast import evaluates, make_forecast, power_lines
    from ste_graph.language.workflow import VALUES

    title = ", ".join(filter(None, [workflow.name, workflow.variant]))
    unit = workflow.unit if workflow.unit_map else "unit"
    rows = _part_rows(planned, "")
    if workflow.unit_map is not None or not planned.sub_workflows:
        rows.append((f"per {unit}", planned.per_unit))
    if planned.units is not None:
        rows.append(("in all", planned.total))
    width = max(20, *(len(label) + 2 for label, _ in rows))
    lines = [
        f"{title}: {_units_text(workflow, planned)}",
        "",
        f"{'at most':{width}}{'model calls':>12}{'tool calls':>12}",
    ]
    lines += [f"{label:{width}}{_bound_cells(bound)}" for label, bound in rows]
    if planned.chain is not None:
        waiting = workflow.unit_map is not None and any(spec.of == VALUES for spec in workflow.memories.values())
        each = f"  for each wave of {unit}s: some wait for values that others give" if waiting else ""
        lines += [f"{'longest chain':{width}}{planned.chain:>12,}{each}"]
    if loops := loop_bounds(workflow):
        lines += ["", f"loops in a {unit}"]
        lines += [f"  {'  ' * depth}{name}: {words}" for depth, name, _, words in loops]
    if terms := terms_lines(workflow):
        lines += ["", *terms]
    if unknown := _unknown_parts(workflow, planned, ""):
        lines += ["", *unknown]
    if planned.skipped:
        lines += ["", "left out, because the run may not call them; the line that allows it:"]
        lines += [f"  {tool}" for tool in planned.skipped]
    if evaluates(workflow):
        forecast = make_forecast(workflow, planned)
        if forecast is not None:
            lines += ["", *forecast.lines()]
        lines += ["", *(power_lines(forecast.candidates, forecast.cases) if forecast else power_lines(1))]
    if planned.note:
        lines += ["", planned.note.rstrip()]
    return "\n".join(lines)


def _part_rows(planned: Plan, above: str) -> list[tuple[str, Cost | None]]:
    """Each sub-workflow, and its own ones, with its maxima; per unit if their number is not known."""
    rows = []
    for part in planned.sub_workflows:
        times = f" ({part.times} times)" if part.times != 1 else ""
        each = part.plan.total is None and part.plan.unit_bound is None
        units = f", {count_noun(part.plan.most_units, 'unit')}" if part.plan.most_units is not None else ""
        name = f"{above}{part.name}{times}{', per unit' if each else units}"
        rows += [
            (name, part.plan.per_unit if each else part.plan.total),
            *_part_rows(part.plan, f"{above}{part.name}."),
        ]
    return rows


def _unknown_parts(workflow: Workflow, planned: Plan, above: str) -> list[str]:
    """The reason that the bound of a sub-workflow is known only later, for each such sub-workflow."""
    lines = []
    for part in planned.sub_workflows:
        inner = workflow.sub_workflows[part.name].workflow
        if part.plan.unit_bound is None and inner.unit_map is not None:
            over = inner.unit_map.over.text
            when = "its tools are loaded" if over == "tools" else f"`{over}` is there"
            lines.append(f"{above}{part.name}: one unit per {inner.unit}; their number is known when {when}")
        lines += _unknown_parts(inner, part.plan, f"{above}{part.name}.")
    return lines


def _bound_cells(bound: Cost | None) -> str:
    return f"{'known later':>24}" if bound is None else f"{bound.model_calls:>12,}{bound.tool_calls:>12,}"


def _units_text(workflow: Workflow, planned: Plan) -> str:
    if workflow.unit_map is None:
        return "1 unit"
    if planned.units is None:
        return f"one unit per {workflow.unit}; their number is known when the tools are loaded"
    names = join_first(planned.units, SHOWN)
    return f"{count_noun(len(planned.units), 'unit')}, one per {workflow.unit}" + (f": {names}" if names else "")


def loop_bounds(workflow: Workflow) -> list[tuple[int, str, int, str]]:
    """Every loop inside a unit: its depth, its name, the most passes, and its bound in words."""
    from ste_graph.language.blocks import Map, Repeat, walk

    found = []
    for block, around in walk(workflow.blocks):
        match block:
            case Repeat(name=name, bound=bound, test=test, condition=condition, parallel=parallel):
                beside = "" if parallel is None else f", {parallel.width} side by side"
                times = f"{count_noun(bound, 'time')}{beside}"
                words = f"{test} {condition.text}, at most {bound}" if condition else times
                found.append((len(around), name, bound, words))
            case Map(name=name, bound=int(bound), over=over, parallel=parallel):
                beside = "" if parallel is None else f", {parallel.width} side by side"
                found.append((len(around), name, bound, f"over {over.text}, at most {bound}{beside}"))
    return found
