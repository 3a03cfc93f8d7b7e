"""`ste check`: what is wrong with a workflow, before a token is spent."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ste_graph.cli.exits import WRONG
from ste_graph.cli.options import Changes, File, Format, NoPlugins, OutputFormat, Variant, experiment

if TYPE_CHECKING:
    from ste_graph.contracts import ToolSource
    from ste_graph.experiment import Experiment
    from ste_graph.language.diagnostics import Diagnostic, Span


def check(
    file: File,
    variant: Variant = None,
    changes: Changes = None,
    no_plugins: NoPlugins = False,
    format: OutputFormat = Format.text,
) -> None:
    """Say everything that is wrong with a workflow and all its variants."""
    from ste_graph.language.diagnostics import Problems

    variants: Sequence[str] = ()
    try:
        found = experiment(file, variant, changes, plugins=not no_plugins)
        variants = found.variants
        diagnostics = [*found.remarks, *([] if no_plugins else tool_problems(found))]
    except Problems as problems:
        diagnostics = list(problems.diagnostics)
    failed = any(one.severity == "error" for one in diagnostics)
    if format is Format.json:
        typer.echo(json.dumps([one.to_json() for one in diagnostics], indent=2, ensure_ascii=False))
    else:
        for one in diagnostics:
            typer.echo(str(one))
        typer.echo(verdict(file, diagnostics, variants), err=failed)
    if failed:
        raise typer.Exit(WRONG)


def verdict(file: Path, diagnostics: Sequence[Diagnostic], variants: Sequence[str]) -> str:
    """The last line of the report."""
    errors = sum(one.severity == "error" for one in diagnostics)
    warnings = sum(one.severity == "warning" for one in diagnostics)
    counts = [_count(n, word) for n, word in ((errors, "error"), (warnings, "warning")) if n]
    if errors:
        return f"{file}: {', '.join(counts)}"
    remarks = [*counts, *([f"{_count(len(variants), 'variant')}: {', '.join(variants)}"] if variants else [])]
    return f"{file}: ok" + (f" ({'; '.join(remarks)})" if remarks else "")


def tool_problems(found: Experiment) -> list[Diagnostic]:
    """What is wrong with those sources of tools that can be opened without starting anything."""
    from ste_graph.errors import WorkflowError
    from ste_graph.language.diagnostics import Diagnostic

    problems = []
    for index, source in enumerate(found.workflow.tools):
        if source.starts:
            continue
        try:
            with redirect_stdout(sys.stderr):
                asyncio.run(_opened(source))
        except WorkflowError as fault:
            message = str(fault).removeprefix("tools: ")
            problems.append(Diagnostic("E601", "error", message, _place(found, index, message)))
    return problems


async def _opened(source: ToolSource) -> None:
    try:
        await source.open()
    finally:
        await source.close()


def _place(found: Experiment, index: int, message: str) -> Span:
    """The entry in `tools:` that the message is about, or the key in it that the message names."""
    from ste_graph.language.composition import composed
    from ste_graph.language.findings import Findings

    tree = composed(found.workflow.file, Findings())
    key = next((key for key in ("only", "effects") if message.startswith(f"`{key}`")), "module")
    entry = tree.at(["tools", index])
    return tree.span_of(["tools", index, key] if entry and entry.at([key]) else ["tools", index])


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
