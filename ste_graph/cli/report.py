"""`ste report` and `ste show --web`: a page about a run, to look at in a browser, written or served."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ste_graph.command_line import echo
from ste_graph.diagnostics import display_path
from ste_graph.errors import WorkflowError
from ste_graph.registry import load_entry_point


def report(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run of any workflow.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write the page there, instead of next to the folder: runs/explore.html.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a page about a run: one HTML file that needs no network.

    The graph, what came of the trials by tool and over episodes, the requests on a map, coverage, gates, arms and the
    decision, training, cost, retries; and each trial, to search, filter and open. A run with parts shows all of them.
    """
    from ste_graph.finished import open_run
    from ste_graph.report.charts import import_altair
    from ste_graph.report.content import gather_content
    from ste_graph.report.page import write_page

    opened = open_run(run)
    import_altair()  # so that it says at once what is missing
    content = gather_content(opened, load_entry_point("reports", "request_vectors"))
    file = out if out is not None else run.resolve().with_name(f"{run.resolve().name}.html")
    write_page(content, file)
    lines = [f"Page written: {display_path(file)}", f"{content.title}: {content.state}", content.empty]
    echo("\n".join(filter(None, lines)))


def serve_page(run: Path | None, port: int) -> None:
    """Serves the page of a run, of the newest one if none is named, until Ctrl-C. Raises `WorkflowError`."""
    from ste_graph.finished import open_run
    from ste_graph.report.charts import import_altair
    from ste_graph.report.page import read_bundle
    from ste_graph.report.server import PageServer

    path = _newest_run(Path("runs")) if run is None else run
    open_run(path)
    import_altair()
    read_bundle()
    with PageServer(path.resolve(), port, load_entry_point("reports", "request_vectors")) as server:
        echo(f"{path}: look at it at {server.address}  (Ctrl-C ends)")
        server.serve_forever()


def _newest_run(folder: Path) -> Path:
    """The run in a folder whose records changed last. Raises `WorkflowError` if the folder has no run."""
    from ste_graph.finished import is_run
    from ste_graph.run.folder import RunFolder

    runs = [each for each in folder.iterdir() if is_run(each)] if folder.is_dir() else []
    if not runs:
        raise WorkflowError(f"{folder}: there is no run here; name one: ste show --web RUN")
    return max(runs, key=lambda each: RunFolder(each).last_change)
