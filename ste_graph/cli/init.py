"""`ste init`: a small project to start from."""

from __future__ import annotations

import shlex
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from ste_graph.command_line import echo

STARTER = ("README.md", "nodes.py", "tools.py", "workflow.yaml")
PROMPTS = ("call.md", "imagine.md", "reflect.md")


def init(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The folder to create.", show_default=False)
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write into a folder that is not empty, over files there.")
    ] = False,
) -> None:
    """Write a small project: tools, a node, and a workflow that runs at once."""
    from ste_graph.errors import WorkflowError

    if folder is None:
        raise WorkflowError(
            "ste init: give the folder to create, as in `ste init my-project`; `ste init .` is for the current folder"
        )
    written = write_project(folder, force=force)
    echo("\n".join([f"{folder}: written", *(f"  {path}" for path in written)]))
    go = f"cd {shlex.quote(str(folder))} && " if folder.resolve() != Path.cwd() else ""
    echo(f"\nTry it: {go}ste run workflow.yaml")


def write_project(folder: Path, *, force: bool = False) -> list[str]:
    """Writes the project's files and returns their names. Raises `WorkflowError` if the folder may not be used."""
    from ste_graph.errors import WorkflowError

    if not force and folder.is_dir() and any(folder.iterdir()):
        raise WorkflowError(
            f"{folder}: is not empty; give a new folder, or --force to write over files of the same name"
        )
    home = files("ste_graph.workflows")
    sources = {name: home / "starter" / name for name in STARTER}
    sources |= {f"prompts/{name}": home / "prompts" / name for name in PROMPTS}
    sources["schema.json"] = home / "schema.json"
    try:
        (folder / "prompts").mkdir(parents=True, exist_ok=True)
        for name, source in sources.items():
            (folder / name).write_text(source.read_text("utf-8"), encoding="utf-8")
    except OSError as error:
        raise WorkflowError(f"{folder}: cannot be written ({error.strerror})") from error
    return sorted(sources)
