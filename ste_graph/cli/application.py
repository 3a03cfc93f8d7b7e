"""The command `ste`: its verbs, and how it reports errors."""

from __future__ import annotations

import io
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ste_graph.cli import (
    ablate,
    check,
    diff,
    doctor,
    draw,
    export,
    init,
    plan,
    report,
    run,
    runs,
    schema,
    score,
    show,
    tools,
)
from ste_graph.command_line import FAILED, INTERRUPTED, WRONG, echo
from ste_graph.errors import SteError, WorkflowError
from ste_graph.garbage import collect_rarely
from ste_graph.language.source.files import bundled_workflows
from ste_graph.registry import find_entry_points
from ste_graph.text import printable


class _PlainErrors(TyperGroup):
    """Says what is wrong with an option in our words: the library repeats those of its validator."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        word = next(iter(args), "")
        if word not in self.commands and (word in bundled_workflows() or Path(word).suffix in (".yaml", ".yml")):
            ctx.fail(f"'{word}' is a workflow: ste run {word}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            text = error.message.removeprefix("Value error, ")
            if text.startswith("Input "):
                from ste_graph.language.sections.unions import rephrase

                text = rephrase(text.partition(", unable")[0])
            error.message = text
            raise


application = typer.Typer(
    name="ste",
    cls=_PlainErrors,
    help="Simulated trial and error: check, plan, draw and run workflows that learn to use tools.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for verb in (
    check.check,
    plan.plan,
    draw.draw,
    diff.diff,
    doctor.doctor,
    run.run,
    runs.runs,
    ablate.ablate,
    show.show,
    report.report,
    export.export,
    score.score,
    schema.schema,
    init.init,
):
    application.command()(verb)
for command in find_entry_points("commands").values():  # of packages that the engine does not know; none is heavy
    application.add_typer(command.load())
application.add_typer(tools.tools)


def _version(wanted: bool) -> None:
    if wanted:
        echo(f"ste-graph {package_version('ste-graph')}")
        raise typer.Exit


@application.callback()
def ste(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Simulated trial and error: check, plan, draw and run workflows that learn to use tools."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 ok, 1 a unit or the run failed, 2 the user's input is wrong."""
    collect_rarely()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # so that a text which the terminal cannot show does not fail
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_PrintableFormatter())
    try:
        application(args=arguments, prog_name="ste")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseException as error:
        return _report_error(error)
    return 0


class _PrintableFormatter(logging.Formatter):
    """Warnings repeat what tools and their descriptions say."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def _report_error(error: BaseException) -> int:
    """Prints the error on stderr, without a traceback unless one was asked for, and returns the exit code."""
    if os.environ.get("STE_TRACEBACK"):
        traceback.print_exception(error)
    if isinstance(error, SteError):
        echo(str(error), error=True)
        return WRONG if isinstance(error, WorkflowError) else FAILED
    first_line = str(error).strip().partition("\n")[0]
    echo(
        f"ste: unexpected {type(error).__name__}{f': {first_line}' if first_line else ''}\n"
        "This is a bug in ste-graph, not in your workflow; set STE_TRACEBACK=1 to see where it happened.",
        error=True,
    )
    return FAILED
