"""`ste plan`: what a run can cost at most."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import typer

from ste_graph.cli.options import Changes, File, Format, NoPlugins, OutputFormat, Variant, experiment

if TYPE_CHECKING:
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
        loops = {name: bound for _, name, bound in loops_of(found.workflow)}
        typer.echo(json.dumps({**planned.to_json(), "loops": loops}, indent=2, ensure_ascii=False))
    else:
        typer.echo(described(found.workflow, planned))


def described(workflow: Workflow, planned: Plan) -> str:
    """The plan for a person."""
    title = workflow.name + (f" ({workflow.variant})" if workflow.variant else "")
    unit = workflow.unit if workflow.over else "unit"
    each = planned.per_unit
    lines = [f"{title}: {_units(unit, planned)}", "", f"{'at most':22}{'model calls':>14}{'tool calls':>14}"]
    lines.append(f"{f'per {unit}':22}{each.model_calls:>14,}{each.tool_calls:>14,}")
    if planned.units is not None:
        count = len(planned.units)
        lines.append(f"{'in all':22}{each.model_calls * count:>14,}{each.tool_calls * count:>14,}")
    if loops := list(loops_of(workflow)):
        lines += ["", f"loops in a {unit}"]
        lines += [f"  {'  ' * depth}{name}: {bound}" for depth, name, bound in loops]
    if planned.skipped:
        lines += ["", "left out, since the run may not call them; the line that would allow it:"]
        lines += [f"  {one.unit} ({one.effect})  {one.remedy}" for one in planned.skipped]
    if planned.note:
        lines += ["", planned.note.rstrip()]
    return "\n".join(lines)


def _units(unit: str, planned: Plan) -> str:
    if planned.units is None:
        return "how many tools there are is known only when their sources are started"
    if len(planned.units) == 1 and unit == "unit":
        return "1 unit"
    names = ", ".join(planned.units[:12]) + (", …" if len(planned.units) > 12 else "")
    return f"{len(planned.units)} × {unit}" + (f" ({names})" if names else "")


def loops_of(workflow: Workflow) -> list[tuple[int, str, str]]:
    """Every loop inside a unit: how deep it stands, its name, and its bound in words."""
    from ste_graph.language.blocks import Map, Repeat, walk

    found = []
    for block, around in walk(workflow.blocks):
        match block:
            case Repeat(name=name, bound=bound, test="times"):
                found.append((len(around), name, f"{bound} times"))
            case Repeat(name=name, bound=bound, test=test, condition=condition):
                text = condition.text if condition else ""
                found.append((len(around), name, f"{test} {text}, at most {bound}"))
            case Map(name=name, bound=bound, over=over):
                found.append((len(around), name, f"over {over.text}, at most {bound}"))
    return found
