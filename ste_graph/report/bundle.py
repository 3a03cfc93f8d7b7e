"""Vega, Vega-Lite and Vega-Embed as one script, made of what vl-convert brings, so that a page needs no network."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from ste_graph.errors import RunError, WorkflowError
from ste_graph.files.atomic import write_atomically
from ste_graph.files.cache import cache_folder


def read_bundle() -> str:
    """The script, which sets `vegaEmbed`. It takes seconds to make, and is kept in the user's cache."""
    try:
        import vl_convert
    except ImportError:
        raise WorkflowError("the page of a run needs packages: pip install 'ste-graph[report]'") from None
    file = cache_folder("report") / f"vega-{version('vl-convert-python')}.js"
    try:
        return file.read_text("utf-8")
    except (OSError, ValueError):
        pass
    converter: Any = vl_convert
    script: str = converter.javascript_bundle()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, script)
    except (OSError, RunError):
        pass  # made again the next time
    return script
