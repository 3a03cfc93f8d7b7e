"""`ste plan`: the most that a run can cost."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from ste_graph.command_line import Changes, File, Format, NoPlugins, OutputFormat, Variant, echo, load_experiment
from ste_graph.text import count_noun

SHOWN = 12
"""The number of units that a text names; the rest is counted."""

POWER_CASES = (15, 30, 60, 120, 240)
POWER_GAINS = (0.1, 0.2, 0.3)
POWER_BASELINE = 0.7
"""The cases, gains and accuracy of the baseline for which a plan with an evaluation says what could be shown."""

if TYPE_CHECKING:
    from ste_graph.compile.cost import Cost
    from ste_graph.language.workflow import Workflow
    from ste_graph.plan import Plan


def plan(
    file: File,
    variant: Variant = None,
    changes: Changes = None,
    no_plugins: NoPlugins = False,
    format: OutputFormat = Format.text,
) -> None:
    """Print the most that a run can cost, before it starts."""
    experiment = load_experiment(file, variant, changes, plugins=not no_plugins)
    with redirect_stdout(sys.stderr):
        planned = experiment.plan(tools=not no_plugins)
    if format is Format.json:
        loops = {name: bound for _, name, bound, _ in loop_bounds(experiment.workflow)}
        found: dict[str, object] = {**planned.to_json(), "loops": loops}
        if evaluates(experiment.workflow):
            found["power"] = {str(cases): {f"{gain:g}": share for gain, share in row} for cases, row in power_rows()}
        echo(json.dumps(found, indent=2))
    else:
        echo(plan_text(experiment.workflow, planned))


def plan_text(workflow: Workflow, planned: Plan) -> str:
    """The plan for a person."""
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
    if loops := loop_bounds(workflow):
        lines += ["", f"loops in a {unit}"]
        lines += [f"  {'  ' * depth}{name}: {words}" for depth, name, _, words in loops]
    if unknown := _unknown_parts(workflow, planned, ""):
        lines += ["", *unknown]
    if planned.skipped:
        lines += ["", "left out, because the run may not call them; the line that allows it:"]
        lines += [f"  {tool}" for tool in planned.skipped]
    if evaluates(workflow):
        lines += ["", *_power_lines()]
    if planned.note:
        lines += ["", planned.note.rstrip()]
    return "\n".join(lines)


def evaluates(workflow: Workflow) -> bool:
    """True if the workflow, or a part of it, decides whether to adopt something."""
    parts = (sub.workflow for sub in workflow.sub_workflows.values())
    return any(spec.cls.__name__ == "Evaluate" for spec in workflow.nodes.values()) or any(map(evaluates, parts))


def power_rows() -> list[tuple[int, list[tuple[float, float]]]]:
    """By number of cases in all, the share of tests that would show each gain."""
    from ste_graph.stats import gain_power

    return [
        (cases, [(gain, gain_power(gain, cases, baseline=POWER_BASELINE)) for gain in POWER_GAINS])
        for cases in POWER_CASES
    ]


def _power_lines() -> list[str]:
    """The power of the decision as a table; the number of cases is known once the trials have been filtered."""
    baseline = f"{100 * POWER_BASELINE:.0f} %"
    head = f"power: how often a true gain over a baseline of {baseline} would be shown, with one candidate"
    lines = [head, f"{'  cases in all':20}" + "".join(f"{100 * gain:>6.0f} points" for gain in POWER_GAINS)]
    for cases, row in power_rows():
        lines.append(f"  {cases:<18}" + "".join(f"{100 * share:>11.0f} %" for _, share in row))
    return lines


def _part_rows(planned: Plan, above: str) -> list[tuple[str, Cost | None]]:
    """Each sub-workflow, and its own ones, with its maxima; per unit if their number is not known."""
    rows = []
    for part in planned.sub_workflows:
        times = f" ({part.times} times)" if part.times != 1 else ""
        each = part.plan.total is None and part.plan.unit_bound is None
        units = f", {part.plan.most_units} units" if part.plan.most_units is not None else ""
        name = f"{above}{part.name}{times}{', per unit' if each else units}"
        rows += [
            (name, part.plan.per_unit if each else part.plan.total),
            *_part_rows(part.plan, f"{above}{part.name}."),
        ]
    return rows


def _unknown_parts(workflow: Workflow, planned: Plan, above: str) -> list[str]:
    """Why the bound of a sub-workflow is known later, for each where it is."""
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
    names = ", ".join(planned.units[:SHOWN])
    names += f" and {len(planned.units) - SHOWN} more" if len(planned.units) > SHOWN else ""
    return f"{count_noun(len(planned.units), 'unit')}, one per {workflow.unit}" + (f": {names}" if names else "")


def loop_bounds(workflow: Workflow) -> list[tuple[int, str, int, str]]:
    """Every loop inside a unit: its depth, its name, the most passes, and its bound in words."""
    from ste_graph.language.blocks import Map, Repeat, walk

    found = []
    for block, around in walk(workflow.blocks):
        match block:
            case Repeat(name=name, bound=bound, test=test, condition=condition):
                times = count_noun(bound, "time")
                words = f"{test} {condition.text}, at most {bound}" if condition else times
                found.append((len(around), name, bound, words))
            case Map(name=name, bound=int(bound), over=over):
                found.append((len(around), name, bound, f"over {over.text}, at most {bound}"))
    return found
