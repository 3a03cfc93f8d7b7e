"""The tools of a workflow, opened for one command of `ste tools`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from ste_graph.cli.sources import placed_faults
from ste_graph.contracts import Json, Observation, Tool
from ste_graph.errors import WorkflowError
from ste_graph.redaction import Redactor, redact_errors
from ste_graph.run.tools import open_tools, tool_policy
from ste_graph.suggest import did_you_mean, list_choices
from ste_graph.task_exits import contained_exits
from ste_graph.tools.forwarded import effect_note
from ste_graph.tools.policy import ToolPolicy, effects_block, first_line
from ste_graph.tools.toolbox import Toolbox

if TYPE_CHECKING:
    from ste_graph.experiment import Experiment
    from ste_graph.language.workflow import Workflow

Outcome = TypeVar("Outcome")


def list_tools(experiment: Experiment) -> list[Tool]:
    """The tools of a workflow, as its sources give them."""
    return _run_quietly(experiment, _list_tools(experiment.workflow))


def find_tool(name: str, experiment: Experiment) -> Tool:
    """The tool of this name. Raises `WorkflowError` with the names that there are."""
    return _pick_tool(name, list_tools(experiment))


def effects_blocks(experiment: Experiment) -> str:
    """A block per source with the names that the source itself gives, for use in the source's entry."""
    return _run_quietly(experiment, _effects_blocks(experiment.workflow))


def call_tool(experiment: Experiment, name: str, arguments: Mapping[str, Json], *, yes: bool) -> Observation:
    """The result of one call, under the checks and limits of a run; `yes` calls what does more than read."""
    return _run_quietly(experiment, _call_tool(replace(experiment.workflow, cassette=None), name, arguments, yes=yes))


def redact(workflow: Workflow, data: Any) -> Any:
    """The data without the workflow's secrets."""
    return Redactor(workflow.secrets).redact_data(data)


def effect_fields(tool: Tool) -> dict[str, Json]:
    """The reason that the tool's effect is not the one that its source states, if so."""
    return {"effect_note": note} if (note := effect_note(tool)) else {}


def access_columns(tool: Tool, policy: ToolPolicy) -> tuple[str, str]:
    """The permission of a run to call the tool, and the tool's purpose; with the reason if its effect is in doubt."""
    about = first_line(tool.description)
    if policy.allows(tool):
        return "", about
    note = effect_note(tool)
    return "not called", f"{about} ({note})" if note else about


def _run_quietly(experiment: Experiment, doing: Coroutine[Any, Any, Outcome]) -> Outcome:
    """The result of a coroutine over a workflow's tools. Raises `WorkflowError`, with its place if that is known."""
    # stdout is for the result, whatever the code of tools prints
    with placed_faults(experiment), redact_errors(experiment.workflow.secrets), redirect_stdout(sys.stderr):
        return asyncio.run(doing)


async def _list_tools(workflow: Workflow) -> list[Tool]:
    async with open_tools(workflow) as found:
        return found


async def _effects_blocks(workflow: Workflow) -> str:
    async with AsyncExitStack() as stack:
        blocks = []
        for number, source in enumerate(workflow.tools):
            stack.push_async_callback(source.close)
            block = effects_block(await source.open())
            entry = workflow.lock["workflow"]["tools"][number]
            blocks.append(f"# under `tools:`, in entry {number + 1} (use: {entry['use']})\n{block}")
    text: str = redact(workflow, "\n".join(blocks).rstrip())
    return text


async def _call_tool(workflow: Workflow, name: str, arguments: Mapping[str, Json], *, yes: bool) -> Observation:
    async with open_tools(workflow) as found:
        tool = _pick_tool(name, found)
        policy = tool_policy(workflow).model_copy(update={"allow": (name,) if yes else (), "ask": False})
        box = Toolbox(found, policy, redactor=Redactor(workflow.secrets))
        if not policy.allows(tool) and not box.checker(name).check(arguments).problem:
            text = f"`{name}` was not called: its effect is {tool.effect}. To call it all the same, add --yes."
            return Observation(ok=False, kind="refused", text=text)
        with contained_exits():
            return await box.call(name, arguments)


def _pick_tool(name: str, found: Sequence[Tool]) -> Tool:
    tools = {tool.name: tool for tool in found}
    if name not in tools:
        raise WorkflowError(f"there is no tool `{name}`; {did_you_mean(name, tools)}tools: {list_choices(tools)}")
    return tools[name]
