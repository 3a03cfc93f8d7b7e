"""`ste export --form inspect|otlp`: a whole run as logs or as spans."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import typer

from ste_graph.command_line import echo, write_result
from ste_graph.diagnostics import display_path
from ste_graph.errors import WorkflowError
from ste_graph.exports.otlp.collector import NEEDED, find_endpoint, named_endpoint
from ste_graph.finished import open_run
from ste_graph.text import count_noun


def export_inspect(run: Path, out: Path | None, part: str | None) -> None:
    """Write a run as logs for `inspect view`. Raises `WorkflowError`."""
    opened = open_run(run)
    if find_spec("inspect_ai") is None:
        raise WorkflowError("logs for `inspect view` need packages: pip install 'ste-graph[inspect]'")
    from ste_graph.exports.inspect_log.export import write_logs

    target = out if out is not None else run.resolve().with_name(f"{run.resolve().name}.inspect")
    written = write_logs(opened, target, part)
    for file, count in written:
        echo(f"{display_path(file)}: {count_noun(count, 'sample')}")
    echo(f"Look at it with: inspect view --log-dir {display_path(written[0][0].parent)}")


def export_otlp(run: Path, out: Path | None, endpoint: str | None) -> None:
    """Send the spans of a run to `endpoint`, or to the one that a standard variable names; or write them as OTLP/JSON.

    Raises `WorkflowError` and `RunError`.
    """
    if endpoint is not None and out is not None:
        raise typer.BadParameter("one sends the spans, the other writes them: give one", param_hint="--endpoint, --out")
    target = named_endpoint(endpoint) if endpoint is not None else find_endpoint(os.environ) if out is None else None
    opened = open_run(run)
    try:
        import opentelemetry.exporter.otlp.proto.http.trace_exporter  # noqa: F401
    except ImportError:
        raise WorkflowError(NEEDED) from None
    from ste_graph.exports.otlp.export import send, write_json

    if target is not None:
        count = send(opened, target)
        echo(f"{count_noun(count, 'span')} sent to {target.shown}")
        return
    text, count = write_json(opened)
    write_result(text, out)
    echo(f"{count_noun(count, 'span')} (OTLP/JSON){f': {out}' if out else ''}", error=True)
