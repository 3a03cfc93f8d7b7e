"""Problems with the tools and the data of a workflow, as far as they show without starting anything."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout

from ste_graph.cli.text import forecast
from ste_graph.contracts import ProgramSource, Tool, ToolSource
from ste_graph.diagnostics import Diagnostic, DiagnosticsError, Span
from ste_graph.errors import WorkflowError
from ste_graph.experiment import Experiment
from ste_graph.language.source.tree import MappingNode, SequenceNode, Tree
from ste_graph.redaction import Redactor
from ste_graph.run.tools import open_tools, tools_need_start
from ste_graph.run.units import list_units, load_data
from ste_graph.suggest import list_choices


def find_source_problems(experiment: Experiment) -> list[Diagnostic]:
    """The problems of each source that starts nothing, and of data; without any, those of the units as a whole."""
    problems: list[Diagnostic] = []
    redactor = Redactor(experiment.workflow.secrets)
    with redirect_stdout(sys.stderr):  # loading a module runs its code, and stdout is for the result
        for index, source in enumerate(experiment.workflow.tools):
            if source.starts:
                problems += _missing_programs(experiment, index, source)
                continue
            try:
                problems += _missing_descriptions(experiment, index, asyncio.run(_open(source)))
            except WorkflowError as error:
                message = redactor.redact(str(error)).removeprefix("tools: ")
                problems.append(Diagnostic("E601", "error", message, _source_span(experiment, index, message)))
        problems += _missing_data(experiment)
        if {problem.code for problem in problems} <= {"W605"} and not tools_need_start(experiment.workflow):
            try:
                asyncio.run(_check_units(experiment))
            except WorkflowError as error:
                message = redactor.redact(str(error)).removeprefix(f"{experiment.workflow.file}: ").rstrip()
                problems.append(Diagnostic("E602", "error", message, _tools_span(experiment, message)))
    return problems


def report_empty_tests(experiment: Experiment) -> list[Diagnostic]:
    """The values that leave a test without a case or an arm, which would be found out only when the test begins."""
    return [
        Diagnostic("E606", "error", message, experiment.tree.span_of(["params", name]))
        for name, message in forecast.find_empty_tests(experiment.workflow).items()
    ]


@contextmanager
def placed_faults(experiment: Experiment) -> Iterator[None]:
    """Gives the fault of a source of tools, or of `allow`, with its place, as `ste check` does."""
    try:
        yield
    except WorkflowError as error:
        message = str(error)
        if not message.startswith(("tools: ", "`allow`")):
            raise
        known = [problem for problem in find_source_problems(experiment) if problem.severity == "error"]
        found = [problem for problem in known if problem.message == message.removeprefix("tools: ")]
        if not found:
            raise
        raise DiagnosticsError(found) from error


async def _open(source: ToolSource) -> list[Tool]:
    try:
        return list(await source.open())
    finally:
        await source.close()


async def _check_units(experiment: Experiment) -> None:
    async with open_tools(experiment.workflow) as tools:
        list_units(load_data(experiment.workflow), tools)


def _missing_programs(experiment: Experiment, index: int, source: ToolSource) -> Iterator[Diagnostic]:
    """A warning if the program of a source is not on this machine; another one may have it."""
    try:
        if isinstance(source, ProgramSource):
            source.find_program()
    except WorkflowError as error:
        message = str(error).removeprefix("tools: ")
        yield Diagnostic("W604", "warning", message, _source_span(experiment, index, message))


def _missing_descriptions(experiment: Experiment, index: int, tools: Sequence[Tool]) -> Iterator[Diagnostic]:
    """A warning if tools do not say what they do; a model then sees no more than names."""
    silent = [tool.name for tool in tools if not tool.description.strip()]
    if silent:
        message = f"tools without a description: {list_choices(silent)}"
        help = "say what they do, in the docstring of a function, or in the description that the source has"
        yield Diagnostic("W605", "warning", message, _source_span(experiment, index, message), help=help)


def _missing_data(experiment: Experiment) -> Iterator[Diagnostic]:
    """The entries of `data:` that are not available yet, as warnings: the run that they name may still be to come."""
    for name, source in experiment.workflow.data.items():
        try:
            source.items()
        except WorkflowError as error:
            span = experiment.tree.span_of(["data", name])
            yield Diagnostic("W603", "warning", f"data `{name}` is not available yet: {error}", span)


def _source_span(experiment: Experiment, index: int, message: str) -> Span:
    """The entry in `tools:`, or the key in it that the message names."""
    tree = experiment.tree
    named = ("include", "exclude", "effects", "command")
    key = next((key for key in named if message.startswith((f"`{key}`", f"the {key} "))), None)
    entry = tree.at(["tools", index])
    key = key or ("spec" if entry is not None and entry.at(["spec"]) and ": file not found" in message else "module")
    return tree.span_of(["tools", index, key] if entry and entry.at([key]) else ["tools", index])


def _tools_span(experiment: Experiment, message: str) -> Span:
    """The section that decides which tools may be called; where `--set` gives a part of it, that part."""
    tree = experiment.tree
    named = "allow" if message.startswith("`allow`") and tree.at(["allow"]) else "tools"
    key = tree.span_of([named], key=True)
    section = tree.at([named])
    return next((span for span in _spans(section) if span.file.startswith("--set ")), key) if section else key


def _spans(tree: Tree) -> Iterator[Span]:
    yield tree.span
    inner = [entry.value for entry in tree.entries.values()] if isinstance(tree, MappingNode) else ()
    for part in tree.items if isinstance(tree, SequenceNode) else inner:
        yield from _spans(part)
