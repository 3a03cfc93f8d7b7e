"""`ste plan`: what a run can cost at most."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import typer

from ste_graph.cli.options import Changes, File, Format, NoPlugins, OutputFormat, Variant, experiment
from ste_graph.cli.printable import counted, printable

SHOWN = 12
"""Units that a text names; the rest is counted."""

if TYPE_CHECKING:
    from ste_graph.compile.bounds import Bound
    from ste_graph.language.workflow import Workflow
    from ste_graph.plan import Plan


def plan(
    file: File,
    variant: Variant = None,
    changes: Changes = None,
    no_plugins: NoPlugins = False,
    format: OutputFormat = Format.text,
) -> None:
    """Say what a run can cost at most, before it starts."""
    found = experiment(file, variant, changes, plugins=not no_plugins)
    with redirect_stdout(sys.stderr):
        planned = found.plan(tools=not no_plugins)
    if format is Format.json:
        loops = {name: bound for _, name, bound, _ in loops_of(found.workflow)}
        typer.echo(json.dumps({**planned.to_json(), "loops": loops}, indent=2))
    else:
        typer.echo(printable(described(found.workflow, planned)))


def described(workflow: Workflow, planned: Plan) -> str:
    """The plan for a person."""
    title = ", ".join(filter(None, [workflow.name, workflow.variant]))
    unit = workflow.unit if workflow.over else "unit"
    rows = _parts(planned, "")
    if workflow.over is not None or not planned.parts:
        rows.append((f"per {unit}", planned.per_unit))
    if planned.units is not None:
        rows.append(("in all", planned.total))
    width = max(20, *(len(what) + 2 for what, _ in rows))
    lines = [f"{title}: {_units(workflow, planned)}", "", f"{'at most':{width}}{'model calls':>12}{'tool calls':>12}"]
    lines += [f"{what:{width}}{_maxima(bound)}" for what, bound in rows]
    if loops := loops_of(workflow):
        lines += ["", f"loops in a {unit}"]
        lines += [f"  {'  ' * depth}{name}: {words}" for depth, name, _, words in loops]
    if planned.skipped:
        lines += ["", "left out, since the run may not call them; the line that would allow it:"]
        lines += [f"  {one.unit} ({one.effect})  {one.remedy}" for one in planned.skipped]
    if planned.note:
        lines += ["", planned.note.rstrip()]
    return "\n".join(lines)


def _parts(planned: Plan, above: str) -> list[tuple[str, Bound | None]]:
    """Each sub-workflow, and those of its own, with its maxima; per unit where it is not known how many there are."""
    rows = []
    for part in planned.parts:
        times = f" ({part.times} times)" if part.times != 1 else ""
        each = part.plan.total is None and part.plan.units is None
        name = f"{above}{part.name}{times}{', per unit' if each else ''}"
        rows += [(name, part.plan.per_unit if each else part.plan.total), *_parts(part.plan, f"{above}{part.name}.")]
    return rows


def _maxima(bound: Bound | None) -> str:
    return f"{'known later':>24}" if bound is None else f"{bound.model_calls:>12,}{bound.tool_calls:>12,}"


def _units(workflow: Workflow, planned: Plan) -> str:
    if workflow.over is None:
        return "1 unit"
    if planned.units is None:
        return f"one unit per {workflow.unit}; how many there are shows when the tools are loaded"
    names = ", ".join(planned.units[:SHOWN])
    names += f" and {len(planned.units) - SHOWN} more" if len(planned.units) > SHOWN else ""
    return f"{counted(len(planned.units), 'unit')}, one per {workflow.unit}" + (f": {names}" if names else "")


def loops_of(workflow: Workflow) -> list[tuple[int, str, int, str]]:
    """Every loop inside a unit: how deep it stands, its name, its passes at most, and its bound in words."""
    from ste_graph.language.blocks import Map, Repeat, walk

    found = []
    for block, around in walk(workflow.blocks):
        match block:
            case Repeat(name=name, bound=bound, test=test, condition=condition):
                times = counted(bound, "time")
                words = f"{test} {condition.text}, at most {bound}" if condition else times
                found.append((len(around), name, bound, words))
            case Map(name=name, bound=int(bound), over=over):
                found.append((len(around), name, bound, f"over {over.text}, at most {bound}"))
    return found
