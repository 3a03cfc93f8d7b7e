"""`ste tools`: the tools of a workflow as a run finds them, one call by hand, and the report for their author."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ste_graph.cli.tool_report import report
from ste_graph.command_line import FAILED, WRONG, Changes, File, Format, OutputFormat, Variant, echo, load_experiment
from ste_graph.contracts import Json, Observation, ObservationKind, Tool
from ste_graph.errors import WorkflowError
from ste_graph.redaction import Redactor, redact_errors
from ste_graph.suggest import did_you_mean, list_choices
from ste_graph.text import align_columns
from ste_graph.tools.fingerprint import describe_tool
from ste_graph.tools.forwarded import effect_note
from ste_graph.tools.policy import ToolPolicy, effects_block, effects_line, first_line, yaml_scalar

if TYPE_CHECKING:
    from ste_graph.experiment import Experiment
    from ste_graph.language.workflow import Workflow

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
    from ste_graph.run.tools import tool_policy

    experiment = load_experiment(file, variant, changes)
    workflow = experiment.workflow
    if effects:
        echo(_run_quietly(experiment, _effects(workflow)))
        return
    found = _run_quietly(experiment, _list_tools(workflow))
    policy = tool_policy(workflow)
    if format is Format.json:
        listed = [{**describe_tool(tool), **_note(tool), "allowed": policy.allows(tool)} for tool in found]
        echo(json.dumps(_clean(workflow, listed), indent=2))
        return
    rows = [(tool.name, tool.effect, *_access_columns(tool, policy)) for tool in found]
    for line in align_columns(rows, left=range(4)):
        echo(_clean(workflow, line))
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
    experiment = load_experiment(file, variant, changes)
    workflow = experiment.workflow
    tool = _clean(workflow, describe_tool(_find_tool(name, _run_quietly(experiment, _list_tools(workflow)))))
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
    given = _arguments(arguments)
    experiment = load_experiment(file, variant, changes)
    workflow = replace(experiment.workflow, cassette=None)
    observation = _run_quietly(experiment, _call_tool(workflow, name, given, yes=yes))
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


def _run_quietly(experiment: Experiment, doing: Any) -> Any:
    """The result of a coroutine over a workflow's tools. Raises `WorkflowError`, with its place if that is known."""
    from ste_graph.cli.sources import placed_faults

    # stdout is for the result, whatever the code of tools prints
    with placed_faults(experiment), redact_errors(experiment.workflow.secrets), redirect_stdout(sys.stderr):
        return asyncio.run(doing)


def _clean(workflow: Workflow, data: Any) -> Any:
    return Redactor(workflow.secrets).redact_data(data)


async def _list_tools(workflow: Workflow) -> list[Tool]:
    from ste_graph.run.tools import open_tools

    async with open_tools(workflow) as found:
        return found


async def _effects(workflow: Workflow) -> str:
    """A block per source with the names that the source itself gives, for use in the source's entry."""
    async with AsyncExitStack() as stack:
        blocks = []
        for number, source in enumerate(workflow.tools):
            stack.push_async_callback(source.close)
            block = effects_block(await source.open())
            entry = workflow.lock["workflow"]["tools"][number]
            blocks.append(f"# under `tools:`, in entry {number + 1} (use: {entry['use']})\n{block}")
    said: str = _clean(workflow, "\n".join(blocks).rstrip())
    return said


async def _call_tool(workflow: Workflow, name: str, arguments: Mapping[str, Json], *, yes: bool) -> Observation:
    from ste_graph.run.tools import open_tools, tool_policy
    from ste_graph.tools.toolbox import Toolbox

    async with open_tools(workflow) as found:
        tool = _find_tool(name, found)
        policy = tool_policy(workflow).model_copy(update={"allow": (name,) if yes else (), "ask": False})
        box = Toolbox(found, policy, redactor=Redactor(workflow.secrets))
        if not policy.allows(tool) and not box.checker(name).check(arguments).problem:
            text = f"`{name}` was not called: its effect is {tool.effect}. To call it all the same, add --yes."
            return Observation(ok=False, kind="refused", text=text)
        return await box.call(name, arguments)


def _find_tool(name: str, found: Sequence[Tool]) -> Tool:
    """The tool of this name. Raises `WorkflowError` with the names that there are."""
    tools = {tool.name: tool for tool in found}
    if name not in tools:
        raise WorkflowError(f"there is no tool `{name}`; {did_you_mean(name, tools)}tools: {list_choices(tools)}")
    return tools[name]


def _arguments(text: str) -> dict[str, Json]:
    try:
        given = json.loads(text)
    except ValueError as fault:
        raise typer.BadParameter(f"is not JSON ({fault})", param_hint="JSON") from None
    if not isinstance(given, dict):
        raise typer.BadParameter('expected one JSON object, such as \'{"day": "Monday"}\'', param_hint="JSON")
    return given


def _note(tool: Tool) -> dict[str, Json]:
    """The reason that the tool's effect is not the one that its source states, if so."""
    return {"effect_note": note} if (note := effect_note(tool)) else {}


def _access_columns(tool: Tool, policy: ToolPolicy) -> tuple[str, str]:
    """The permission of a run to call the tool, and the tool's purpose; with the reason if its effect is in doubt."""
    about = first_line(tool.description)
    if policy.allows(tool):
        return "", about
    note = effect_note(tool)
    return "not called", f"{about} ({note})" if note else about
