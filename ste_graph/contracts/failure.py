"""The criteria for the success of a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ste_graph.contracts.values import Json

CALL_AT_FAULT: Final = ("invalid_arguments", "tool_error", "unknown_tool")
"""The kinds of observations of calls that were at fault, unlike time limits, refusals and lost connections."""


def has_succeeded(observation: Mapping[str, Json] | None) -> bool:
    """True if a result came back, as plain data, and there is no doubt that it is one.

    The check for a failure that an answer itself reports was made when it came, see `ste_graph.tools.failures`.
    """
    return (
        observation is not None
        and bool(observation["ok"])
        and observation["kind"] == "ok"
        and not observation.get("doubt")
    )
