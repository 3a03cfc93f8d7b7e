"""Answers that say themselves that a call failed, although nothing was raised."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from ste_graph.contracts.values import Json

ERRORS: Final = (
    re.compile(r"([\w-]+ )?[\w.]*(error|exception):(?! *[-+]?\.?\d)", re.IGNORECASE),
    re.compile(r"traceback \(most recent call last\)", re.IGNORECASE),
)
"""Starts of a text that reports failure although no error is marked: mcp-server-sqlite answers `Database error: …` and
`Error: …`. A number after the colon makes it a result (`Standard error: 0.2`)."""

CALL_AT_FAULT: Final = ("invalid_arguments", "tool_error", "unknown_tool")
"""The kinds of observations of calls that were at fault, unlike time limits, refusals and lost connections."""

_MARKERS: Final = (*ERRORS, re.compile(r"[\u274c\u2717\u2716]|failed to \w|(?:\w+ ){0,3}failed: ?\S", re.IGNORECASE))
_NAMES: Final = ("error", "exception", "errors")
_FAILED: Final = frozenset({"error", "failed", "failure"})


def reports_failure(text: str) -> bool:
    """True if an answer says itself that the call failed: by how it begins, or by the keys of a JSON object.

    These are `error`, `exception` or `errors` with anything in it, `success` or `ok` that is false, and a `status` such
    as `failed`. The verdict of a validator (`{"valid": false, "error": …}`) is a result.
    """
    text = text.lstrip()
    if text.startswith("{"):
        return _says_failure(text)
    return any(pattern.match(text) for pattern in _MARKERS)


def _says_failure(text: str) -> bool:
    try:
        answer: Json = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(answer, Mapping) or isinstance(answer.get("valid"), bool):
        return False
    verdicts = [answer[name] for name in ("success", "ok") if isinstance(answer.get(name), bool)]
    if verdicts:
        return not all(verdicts)
    return any(answer.get(name) for name in _NAMES) or str(answer.get("status")).lower() in _FAILED


def has_succeeded(observation: Mapping[str, Json] | None) -> bool:
    """True if a result came back, as plain data, that does not say itself that the call failed."""
    return (
        observation is not None
        and bool(observation["ok"])
        and observation["kind"] == "ok"
        and not reports_failure(observation["text"])
    )
