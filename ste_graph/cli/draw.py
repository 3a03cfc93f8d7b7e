"""`ste draw`: the workflow's graph as a picture."""

from __future__ import annotations

from ste_graph.command_line import Changes, File, NoPlugins, OutFile, Variant, load_experiment, write_result
from ste_graph.text import printable


def draw(
    file: File,
    variant: Variant = None,
    changes: Changes = None,
    no_plugins: NoPlugins = False,
    out: OutFile = None,
) -> None:
    """Print the graph as Mermaid, with its loops, their bounds and the memories."""
    graph = load_experiment(file, variant, changes, plugins=not no_plugins).draw()
    write_result(printable(graph.rstrip("\n")), out)
