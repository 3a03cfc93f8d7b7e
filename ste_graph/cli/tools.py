"""`ste tools`: the tools of a workflow as a run finds them, one call by hand, and the report for their author."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ste_graph.cli.tool_report import report
from ste_graph.command_line import FAILED, WRONG, Changes, File, Format, OutputFormat, Variant, echo, load_experiment
from ste_graph.text import align_columns

if TYPE_CHECKING:
    from ste_graph.contracts import Json, ObservationKind

tools = typer.Typer(
    name="tools",
    help="Tools: list them with their effects, show one's schema, call one by hand, report on them to their author.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
tools.command()(report)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The tool's name, as `ste tools list` gives it.")]

UNFIT: frozenset[ObservationKind] = frozenset({"invalid_arguments", "refused"})
"""Kinds of observations that are the fault of the command line."""


@tools.command("list")
def list_(
    file: File,
    variant: Variant = None,
    changes: Changes = None,
    effects: Annotated[
        bool, typer.Option("--effects", help="Print an `effects:` block per source, to paste into the workflow.")
    ] = False,
    format: OutputFormat = Format.text,
) -> None:
    """Name every tool, what it may do, and whether a run may call it."""
    from ste_graph.cli.opened_tools import access_columns, effect_fields, effects_blocks, list_tools, redact
    from ste_graph.run.tools import tool_policy
    from ste_graph.tools.fingerprint import describe_tool
    from ste_graph.tools.policy import effects_line, yaml_scalar

    experiment = load_experiment(file, variant, changes)
    workflow = experiment.workflow
    if effects:
        echo(effects_blocks(experiment))
        return
    found = list_tools(experiment)
    policy = tool_policy(workflow)
    if format is Format.json:
        listed = [{**describe_tool(tool), **effect_fields(tool), "allowed": policy.allows(tool)} for tool in found]
        echo(json.dumps(redact(workflow, listed), indent=2))
        return
    rows = [(tool.name, tool.effect, *access_columns(tool, policy)) for tool in found]
    for line in align_columns(rows, left=range(4)):
        echo(redact(workflow, line))
    if not rows:
        echo("The sources in `tools:` give no tool.", error=True)
    elif left := [row[0] for row in sorted(rows, key=lambda row: row[1] != "destructive") if row[2]]:
        echo(
            f"A run calls what reads. If `{left[0]}` only reads, write `{effects_line(left[0])}` in its entry of "
            f"`tools:`; if it may be called all the same, `allow: [{yaml_scalar(left[0])}]`. `--effects` prints a "
            "block with every tool.",
            error=True,
        )


@tools.command()
def show(
    file: File, name: Name, variant: Variant = None, changes: Changes = None, format: OutputFormat = Format.text
) -> None:
    """Show one tool: description, effect, and the JSON Schema of its arguments."""
    from ste_graph.cli.opened_tools import find_tool, redact
    from ste_graph.tools.fingerprint import describe_tool

    experiment = load_experiment(file, variant, changes)
    tool = redact(experiment.workflow, describe_tool(find_tool(name, experiment)))
    if format is Format.json:
        echo(json.dumps(tool, indent=2))
        return
    schema = json.dumps(tool["parameters"], indent=2, ensure_ascii=False)
    head = f"{tool['name']} ({tool['effect']}), fingerprint {tool['fingerprint']}"
    for line in (head, "", *tool["description"].splitlines(), "", *schema.splitlines()):
        echo(line)


@tools.command()
def call(
    file: File,
    name: Name,
    arguments: Annotated[str, typer.Argument(metavar="JSON", help="The arguments, as one JSON object.")] = "{}",
    variant: Variant = None,
    changes: Changes = None,
    yes: Annotated[bool, typer.Option("--yes", help="Call it although it does more than read.")] = False,
    format: OutputFormat = Format.text,
) -> None:
    """Make one call by hand, through the same checks and limits as in a run."""
    from ste_graph.cli.opened_tools import call_tool

    given = _arguments(arguments)
    observation = call_tool(load_experiment(file, variant, changes), name, given, yes=yes)
    if format is Format.json:
        echo(observation.model_dump_json(indent=2))
    else:
        for line in observation.text.splitlines():
            echo(line)
        cut = ", cut to the size limit" if observation.truncated else ""
        echo(f"{observation.kind}, {observation.ms:g} ms{cut}", error=True)
        doubts = [f"it may report a failure: {observation.doubt}"] if observation.doubt else []
        for note in (*doubts, *observation.notes):
            echo(note, error=True)
    if not observation.ok:
        raise typer.Exit(WRONG if observation.kind in UNFIT else FAILED)


def _arguments(text: str) -> dict[str, Json]:
    try:
        given = json.loads(text)
    except ValueError as fault:
        raise typer.BadParameter(f"is not JSON ({fault})", param_hint="JSON") from None
    if not isinstance(given, dict):
        raise typer.BadParameter('expected one JSON object, such as \'{"day": "Monday"}\'', param_hint="JSON")
    return given
