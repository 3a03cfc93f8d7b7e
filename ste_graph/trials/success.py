"""Whether a call did what it was to do, by what came back alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ste_graph.contracts import Json
from ste_graph.tools.failure import reports_failure


def has_succeeded(observation: Mapping[str, Json] | None) -> bool:
    """True if a result came back, as plain data, that does not say itself that the call failed."""
    return (
        observation is not None
        and bool(observation["ok"])
        and observation["kind"] == "ok"
        and not reports_failure(observation["text"])
    )


def successful_calls(steps: Sequence[Mapping[str, Json]]) -> list[Mapping[str, Json]]:
    """The steps whose call succeeded."""
    return [step for step in steps if step.get("action") and has_succeeded(step.get("observation"))]
