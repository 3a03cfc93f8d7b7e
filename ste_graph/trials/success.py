"""The calls of a trial that succeeded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ste_graph.contracts import Json
from ste_graph.contracts.failure import has_succeeded


def successful_calls(steps: Sequence[Mapping[str, Json]]) -> list[Mapping[str, Json]]:
    """The steps whose call succeeded."""
    return [step for step in steps if step.get("action") and has_succeeded(step.get("observation"))]
