"""`ste doctor`: what the model's server can do, and the lines of the workflow that fit it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ste_graph.command_line import FAILED, Changes, Format, OutputFormat, Variant, echo, load_experiment
from ste_graph.errors import SteError

if TYPE_CHECKING:
    from ste_graph.doctor.diagnosis import Diagnosis
    from ste_graph.doctor.models import AskedModel

WORKFLOW = Path("explore")


def doctor(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The workflow file; `explore` if not given.")] = WORKFLOW,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Only this model of the workflow.", show_default=False)
    ] = None,
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Ask this server, whatever the workflow says.", show_default=False),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="MODEL", help="The model's name there.", show_default=False)
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out the long prompt.")] = False,
    variant: Variant = None,
    changes: Changes = None,
    format: OutputFormat = Format.text,
) -> None:
    """Find out what a model's server can do, and print the lines to set."""
    import asyncio

    from ste_graph.doctor.models import list_models, single_model

    if url is not None or name is not None:
        asked = [single_model(url, name)]
    else:
        asked = list_models(load_experiment(file, variant, changes).workflow, model)
    found, problems = asyncio.run(_examine_all(asked, quick=quick))
    if format is Format.json:
        rows = [{**diagnosis.to_json(), "yaml": lines} for diagnosis, lines in found]
        echo(json.dumps({"models": rows, "problems": problems}, indent=2, ensure_ascii=False))
    else:
        for diagnosis, lines in found:
            echo(f"{diagnosis.to_text()}\n\nTo paste ({diagnosis.seconds:.0f} s):\n\n{lines}\n")
    for problem in problems:
        echo(problem, error=True)
    if problems:
        raise typer.Exit(FAILED)


async def _examine_all(asked: list[AskedModel], *, quick: bool) -> tuple[list[tuple[Diagnosis, str]], list[str]]:
    """One model after another, since two may share a machine: what was found with its lines, and what failed."""
    found, problems = [], []
    for model in asked:
        try:
            found.append(await model.examine(quick=quick, progress=lambda text: echo(text, error=True)))
        except SteError as error:
            problems.append(str(error))
    return found, problems
