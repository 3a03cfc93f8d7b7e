"""The command line: a thin face over `ste_graph.load`, `Experiment` and `open_run`."""

from __future__ import annotations

from ste_graph.cli.application import main

__all__ = ["main"]
