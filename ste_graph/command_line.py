"""Options, exit codes and printing that all commands share, those of the CLI and those that packages bring."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ste_graph.text import printable

if TYPE_CHECKING:
    from ste_graph.experiment import Experiment

FAILED: Final = 1
"""Exit code: a unit failed (the others are complete), or the run could not go on."""

WRONG: Final = 2
"""Exit code: the file, the command line or the run's folder is wrong."""

INTERRUPTED: Final = 130
"""Exit code: stopped with Ctrl-C; the same command goes on."""


class Format(StrEnum):
    """Text for a person, or data for a program."""

    text = "text"
    json = "json"


File = Annotated[Path, typer.Argument(metavar="FILE", help="The workflow file.", show_default=False)]
Variant = Annotated[
    str | None, typer.Option("--variant", metavar="NAME", help="Use this variant instead of the file as it is.")
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change one value, as in `--set params.turns=2`; the value is YAML. May be given more than once.",
        show_default=False,
    ),
]
NoPlugins = Annotated[
    bool, typer.Option("--no-plugins", help="Load neither plugins nor tool modules, which would run their code.")
]
OutputFormat = Annotated[Format, typer.Option("--format", help="Text for a person, or data for a program.")]
OutFile = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write there instead of to stdout.", show_default=False)
]


def load_experiment(
    file: Path, variant: str | None, changes: Sequence[str] | None, *, plugins: bool = True
) -> Experiment:
    """Loads and checks the workflow that the command line names. Raises `WorkflowError`."""
    from ste_graph.experiment import load
    from ste_graph.language.loading import parse_change

    with redirect_stdout(sys.stderr):  # stdout is for the result, whatever the code of plugins prints
        return load(file, variant=variant, set=[parse_change(change) for change in changes or ()], plugins=plugins)


def command_line(verb: str, file: Path, variant: str | None, changes: Sequence[str] | None, *more: str) -> str:
    """A command line to paste into a shell."""
    words = ["ste", verb, str(file)]
    words += ["--variant", variant] if variant else []
    words += [word for change in changes or () for word in ("--set", change)]
    return shlex.join([*words, *more])


def echo(text: str, *, error: bool = False) -> None:
    """Prints a text on stdout, or on stderr, without control characters of models, tools or files."""
    typer.echo(printable(text), err=error)


def write_result(result: str | bytes, out: Path | None) -> None:
    """Writes a result to a file, or prints it if none is given. Raises `WorkflowError` if it cannot be written.

    What goes to a terminal loses its control characters; another program gets the result as it is.
    """
    if out is None:
        typer.echo(printable(result) if isinstance(result, str) and sys.stdout.isatty() else result)
        return
    from ste_graph.errors import WorkflowError

    try:
        out.write_bytes(f"{result}\n".encode() if isinstance(result, str) else result)
    except OSError as error:
        raise WorkflowError(f"{out}: cannot be written ({error.strerror})") from error
