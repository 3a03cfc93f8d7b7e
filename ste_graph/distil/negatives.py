"""Negative cases: requests after which no call is right, since a value is missing or the tool is not made for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ste_graph.contracts import Json

from .grounding import traced
from ste_graph.distil.normalisation import words

DECLINED: Final = "I have no tool at hand that can do this."
"""The answer to a request that no tool serves."""


def missing_of(steps: list[dict[str, Json]], spoken: list[str], parameters: Mapping[str, Json], nth: int) -> str | None:
    """A required parameter whose value the request says: the `nth`, counted round and round; None if there is none."""
    if len(steps) != 1:
        return None
    required = [name for name in parameters.get("required") or () if name in spoken]
    return required[nth % len(required)] if required else None


def question_for(name: str, parameters: Mapping[str, Json]) -> str:
    """What to ask a person for the value of a parameter."""
    about = str((parameters.get("properties") or {}).get(name, {}).get("description") or "").strip()
    said = f" ({about[0].lower()}{about[1:].rstrip('.')})" if about else ""
    return f"I need one more thing for this: what is the {' '.join(words(name).split())}{said}?"


def withheld_fault(
    query: str, missing: str, original: Mapping[str, Json], parameters: Mapping[str, Json]
) -> str | None:
    """Why a request does not leave out just the value of `missing`; None if it does."""
    if not query.strip():
        return "it is empty"
    sources = traced(original["steps"][-1]["arguments"], parameters, query)
    if sources.get(missing) != "nothing":
        return f"it still says `{missing}`"
    lost = [name for name in original["spoken"] if name != missing and sources.get(name) == "nothing"]
    return f"it leaves out {', '.join(f'`{name}`' for name in lost)} too" if lost else None


def shifted_fault(query: str, original: Mapping[str, Json], parameters: Mapping[str, Json]) -> str | None:
    """Why a request may still be the original one; None if it is surely another."""
    if not query.strip():
        return "it is empty"
    if words(query) == words(str(original["query"])):
        return "it is the original request"
    sources = traced(original["steps"][-1]["arguments"], parameters, query)
    spoken = list(original["spoken"])
    if spoken and all(sources.get(name) != "nothing" for name in spoken):
        return "it still says every value of the call"
    return None
