"""`ste draw`: the workflow's graph as a picture, or as a Python module."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from ste_graph.command_line import Changes, File, NoPlugins, Variant, load_experiment, write_result
from ste_graph.errors import WorkflowError
from ste_graph.suggest import did_you_mean
from ste_graph.text import printable

KINDS: Final = {
    ".mmd": "Mermaid text",
    ".md": "Markdown with a Mermaid block",
    ".svg": "SVG",
    ".png": "PNG",
    ".py": "a Python module that builds the graph",
}
"""The forms that `--out` can write, by the end of the file's name."""


def draw(
    file: File,
    variant: Variant = None,
    changes: Changes = None,
    no_plugins: NoPlugins = False,
    deep: Annotated[bool, typer.Option("--deep", help="Draw the graphs of sub-workflows too.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write there, as its name says: .mmd, .md, .svg, .png or .py. Without it, Mermaid text is printed.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Draw the graph, with its loops, their bounds and the memories, or write it as a Python module."""
    from ste_graph.compile.picture import draw_png, draw_svg

    kind = None if out is None else _kind(out)
    experiment = load_experiment(file, variant, changes, plugins=not no_plugins)
    if kind == ".py" and out is not None:
        if deep:
            raise WorkflowError(f"--out {out}: `--deep` is for pictures; a module is the graph of one file")
        write_result(experiment.to_module(out).rstrip("\n"), out)
    elif kind == ".png":
        write_result(draw_png(experiment.workflow, deep=deep), out)
    elif kind == ".svg":
        write_result(draw_svg(experiment.workflow, deep=deep), out)
    else:
        graph = printable(experiment.draw(deep=deep).rstrip("\n"))
        write_result(f"```mermaid\n{graph}\n```" if kind == ".md" else graph, out)


def _kind(out: Path) -> str:
    """The end of the file's name. Raises `WorkflowError` if none of `KINDS` is meant."""
    kind = out.suffix.lower()
    if kind in KINDS:
        return kind
    known = ", ".join(f"{end} ({what})" for end, what in KINDS.items())
    what = f"`{out.suffix}` is not a kind of output" if kind else "the name does not say the kind of output"
    raise WorkflowError(f"--out {out}: {what}; {did_you_mean(kind, KINDS)}expected one of: {known}")
