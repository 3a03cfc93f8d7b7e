"""The command `ste`: its verbs, and what becomes of errors."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from ste_graph.cli import check, draw, export, init, plan, run, schema, score, show, tools
from ste_graph.cli.exits import FAILED, INTERRUPTED, WRONG
from ste_graph.errors import SteError, WorkflowError
from ste_graph.registry import known

application = typer.Typer(
    name="ste",
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
    run.run,
    show.show,
    export.export,
    score.score,
    schema.schema,
    init.init,
):
    application.command()(verb)
for command in known("commands").values():  # of packages that the engine does not know; they import nothing heavy
    application.add_typer(command.load())
application.add_typer(tools.tools)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ste-graph {version('ste-graph')}")
        raise typer.Exit


@application.callback()
def ste(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Simulated trial and error: check, plan, draw and run workflows that learn to use tools."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and give its exit code: 0 fine, 1 a unit or the run failed, 2 the user's input is wrong."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a text that the terminal cannot show is no reason to fail
    try:
        application(args=arguments, prog_name="ste")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as fault:
        return _said(fault)
    return 0


def _said(fault: Exception) -> int:
    """Say on stderr what went wrong, without a traceback unless one was asked for."""
    if os.environ.get("STE_TRACEBACK"):
        traceback.print_exception(fault)
    if isinstance(fault, SteError):
        print(fault, file=sys.stderr)
        return WRONG if isinstance(fault, WorkflowError) else FAILED
    what = str(fault).strip().partition("\n")[0]
    print(
        f"ste: unexpected {type(fault).__name__}{f': {what}' if what else ''}\n"
        "This is a fault of ste-graph, not of your workflow; set STE_TRACEBACK=1 to see where it happened.",
        file=sys.stderr,
    )
    return FAILED
