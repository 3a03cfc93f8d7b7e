"""What is wrong with the tools and the data of a workflow, as far as it shows without starting anything."""

from __future__ import annotations

import asyncio
import sys
from contextlib import redirect_stdout

from ste_graph.contracts import Tool, ToolSource
from ste_graph.errors import WorkflowError
from ste_graph.experiment import Experiment
from ste_graph.language.composition import compose
from ste_graph.language.diagnostics import Diagnostic, Span
from ste_graph.language.findings import Findings
from ste_graph.redaction import Redactor
from ste_graph.run.units import opened_tools, starts_something, units_of, with_items


def tool_problems(found: Experiment) -> list[Diagnostic]:
    """Faults of each source that starts nothing, and of data; where there are none, of the units as a whole."""
    problems = []
    redactor = Redactor(found.workflow.secrets)
    with redirect_stdout(sys.stderr):  # loading a module runs its code, and stdout is for the result
        for index, source in enumerate(found.workflow.tools):
            if source.starts:
                continue
            try:
                asyncio.run(_opened(source))
            except WorkflowError as fault:
                message = redactor.redact(str(fault)).removeprefix("tools: ")
                problems.append(Diagnostic("E601", "error", message, _of_source(found, index, message)))
        problems += _missing_data(found)
        if not problems and not starts_something(found.workflow):
            try:
                asyncio.run(_units(found))
            except WorkflowError as fault:
                message = redactor.redact(str(fault)).removeprefix(f"{found.workflow.file}: ").rstrip()
                problems.append(Diagnostic("E602", "error", message, _of_tools(found, message)))
    return problems


async def _opened(source: ToolSource) -> list[Tool]:
    try:
        return list(await source.open())
    finally:
        await source.close()


async def _units(found: Experiment) -> None:
    async with opened_tools(found.workflow) as tools:
        units_of(with_items(found.workflow), tools)


def _missing_data(found: Experiment) -> list[Diagnostic]:
    """The entries of `data:` that give nothing yet, as warnings: the run that they name may still be to come."""
    missing = []
    for name, source in found.workflow.data.items():
        try:
            source.items()
        except WorkflowError as fault:
            span = compose(found.workflow.file, Findings()).span_of(["data", name])
            missing.append(Diagnostic("W603", "warning", f"data `{name}` cannot be had yet: {fault}", span))
    return missing


def _of_source(found: Experiment, index: int, message: str) -> Span:
    """The entry in `tools:`, or the key in it that the message names."""
    tree = compose(found.workflow.file, Findings())
    key = next((key for key in ("include", "exclude", "effects") if message.startswith(f"`{key}`")), "module")
    entry = tree.at(["tools", index])
    return tree.span_of(["tools", index, key] if entry and entry.at([key]) else ["tools", index])


def _of_tools(found: Experiment, message: str) -> Span:
    """The section of the file that decides which tools may be called."""
    tree = compose(found.workflow.file, Findings())
    named = "allow" if message.startswith("`allow`") and tree.at(["allow"]) else "tools"
    return tree.span_of([named], key=True)
