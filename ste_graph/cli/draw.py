"""`ste draw`: the workflow's graph as a picture."""

from __future__ import annotations

from ste_graph.cli.options import Changes, File, NoPlugins, OutFile, Variant, experiment, write


def draw(
    file: File,
    variant: Variant = None,
    changes: Changes = None,
    no_plugins: NoPlugins = False,
    out: OutFile = None,
) -> None:
    """Print the graph as Mermaid, with its loops, their bounds and the memories."""
    write(experiment(file, variant, changes, plugins=not no_plugins).draw().rstrip("\n"), out)
