"""The page of a run, served until a person ends it."""

from __future__ import annotations

from pathlib import Path

from ste_graph.command_line import echo
from ste_graph.errors import WorkflowError


def serve_page(run: Path | None, port: int) -> None:
    """Serves the page of a run, of the newest one if none is named, until Ctrl-C. Raises `WorkflowError`."""
    from ste_graph.finished import open_run
    from ste_graph.registry import load_entry_point
    from ste_graph.report.bundle import read_bundle
    from ste_graph.report.charts import import_altair
    from ste_graph.report.server import PageServer

    path = _newest_run(Path("runs")) if run is None else run
    open_run(path)
    import_altair()
    read_bundle()
    with PageServer(path.resolve(), port, load_entry_point("reports", "request_vectors")) as server:
        echo(f"{path}: look at it at {server.address}  (Ctrl-C ends)")
        server.serve_forever()


def _newest_run(folder: Path) -> Path:
    """The run in a folder whose records changed last. Raises `WorkflowError` if there is none."""
    from ste_graph.finished import is_run
    from ste_graph.run.folder import RunFolder

    runs = [each for each in folder.iterdir() if is_run(each)] if folder.is_dir() else []
    if not runs:
        raise WorkflowError(f"{folder}: there is no run here; name one: ste show --web RUN")
    return max(runs, key=lambda each: RunFolder(each).last_change)
