"""Verdicts that judges have given before, so that nothing is asked twice."""

from __future__ import annotations

from pathlib import Path

from ste_graph.contracts import Frozen, Json
from ste_graph.scoring.verdict import read_verdicts
from ste_graph.settings import RelativePath


class KnownVerdicts(Frozen):
    """The verdicts of earlier runs and of files with one `{"key", "right"}` a line; of two, the later path's counts."""

    paths: tuple[RelativePath, ...] = ()
    """Runs, and files of verdicts."""

    def items(self) -> list[Json]:
        """Each verdict by the key of its question. Raises `WorkflowError` if a path holds none."""
        found = {key: right for path in self.paths for key, right in read_verdicts(Path(path)).items()}
        return [{"key": key, "right": right} for key, right in found.items()]
