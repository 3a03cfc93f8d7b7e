"""`ste init`: a small project to start from, or a bundled workflow with its files."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ste_graph.command_line import echo
from ste_graph.errors import WorkflowError
from ste_graph.json_values import leaves
from ste_graph.language.source.files import bundled_workflows
from ste_graph.suggest import did_you_mean

if TYPE_CHECKING:
    from ste_graph.contracts import Json

STARTER = ("README.md", "nodes.py", "tools.py", "workflow.yaml")
PROMPTS = ("call.md", "imagine.md", "reflect.md")
SCHEMA = "schema.json"
SKILL = "ste-workflow"
SKILLS = ".agents/skills"
"""The folder in which coding assistants of several makers look for skills."""
COPIES = "workflows"
"""The folder of a copied workflow; its runs are next to it, as they are next to the bundled workflows."""


def init(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The folder to create.", show_default=False)
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NAME",
            help="Instead: a bundled workflow, with the prompts, tools and workflows that it names.",
            show_default=False,
        ),
    ] = None,
    skill: Annotated[
        bool,
        typer.Option("--skill", help="Instead: the skill that teaches coding assistants to write workflows."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write into a folder that is not empty, over files there.")
    ] = False,
) -> None:
    """Write a small project: tools, a node, and a workflow that runs at once; or a copy of a bundled workflow."""
    if folder is None:
        raise WorkflowError(
            "ste init: give the folder to create, as in `ste init my-project`; `ste init .` is for the current folder"
        )
    if skill:
        if origin is not None:
            raise WorkflowError("ste init: give one of --skill and --from")
        write_skill(folder, force=force)
        return
    sources = starter_files() if origin is None else workflow_files(origin)
    written = write_project(folder, sources, force=force)
    echo("\n".join([f"{folder}: written", *(f"  {path}" for path in written)]))
    go = f"cd {shlex.quote(str(folder))} && " if folder.resolve() != Path.cwd() else ""
    command = "ste run workflow.yaml" if origin is None else f"ste plan {COPIES}/{origin}.yaml"
    echo(f"\nTry it: {go}{command}")


def starter_files() -> dict[str, Traversable]:
    """The files of the small project, by their paths in it."""
    home = files("ste_graph.workflows")
    sources = {name: home / "starter" / name for name in STARTER}
    sources |= {f"prompts/{name}": home / "prompts" / name for name in PROMPTS}
    return {**sources, SCHEMA: home / SCHEMA}


def workflow_files(name: str) -> dict[str, Traversable]:
    """A bundled workflow and every file that it, or a file of it, names, by their paths in the project.

    Raises `WorkflowError` if no such workflow exists.
    """
    known = bundled_workflows()
    if name not in known:
        hint = did_you_mean(name, known)
        raise WorkflowError(f"--from {name}: no bundled workflow; {hint}there are: {', '.join(known)}")
    home = files("ste_graph.workflows")
    found = {f"{name}.yaml": home / f"{name}.yaml", SCHEMA: home / SCHEMA}
    left = [f"{name}.yaml"]
    while left:
        path = left.pop()
        for other in _named_files(home, path):
            if other not in found:
                found[other] = home.joinpath(other)
                left.append(other)
    return {f"{COPIES}/{path}": source for path, source in found.items()}


def write_skill(folder: Path, *, force: bool) -> None:
    """Writes the skill for coding assistants into a folder, which may be a project of its own.

    Raises `WorkflowError` where another text is there.
    """
    text = files("ste_graph.workflows").joinpath(f"skills/{SKILL}/SKILL.md").read_text("utf-8")
    place = folder / SKILLS / SKILL / "SKILL.md"
    try:
        if not force and place.exists() and place.read_text("utf-8") != text:
            raise WorkflowError(f"{place}: has been changed; --force writes over it")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WorkflowError(f"{place}: cannot be written ({error.strerror})") from error
    echo(
        f"{place}: written\n\nAn assistant that looks elsewhere (Claude Code: .claude/skills) takes that folder there."
    )


def _named_files(home: Traversable, path: str) -> Iterator[str]:
    """The bundled files that a workflow names as a value, or a Python file next to it in its text."""
    source = home.joinpath(path)
    if path.endswith(".yaml"):
        import yaml

        yield from (text for text in leaves(yaml.safe_load(source.read_text("utf-8"))) if _is_bundled(home, text))
    elif path.endswith(".py"):
        folder, text = path.rpartition("/")[0], source.read_text("utf-8")
        for beside in home.joinpath(folder).iterdir():
            if beside.is_file() and beside.name in text and f"{folder}/{beside.name}" != path:
                yield f"{folder}/{beside.name}"


def _is_bundled(home: Traversable, text: Json) -> bool:
    """True if a value is the path of a file next to the bundled workflows."""
    if not isinstance(text, str):
        return False
    parts = text.split("/")
    return text.isprintable() and len(text) < 100 and ".." not in parts and all(parts) and home.joinpath(text).is_file()


def write_project(folder: Path, sources: dict[str, Traversable], *, force: bool = False) -> list[str]:
    """Writes the project's files and returns their names. Raises `WorkflowError` if the folder may not be used."""
    if not force and folder.is_dir() and any(folder.iterdir()):
        raise WorkflowError(
            f"{folder}: is not empty; give a new folder, or --force to write over files of the same name"
        )
    if folder.exists() and not folder.is_dir():
        raise WorkflowError(f"{folder}: is not a folder; give another one")
    try:
        for name, source in sources.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(source.read_text("utf-8"), encoding="utf-8")
    except OSError as error:
        raise WorkflowError(f"{folder}: cannot be written ({error.strerror})") from error
    return sorted(sources)
