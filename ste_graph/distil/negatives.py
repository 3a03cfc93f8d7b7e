"""Negative cases: requests for which no call is right, as a value is missing or the tool cannot serve them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ste_graph.contracts import Json
from ste_graph.distil.grounding import trace_values
from ste_graph.distil.reading.normalisation import words

DECLINING_ANSWER: Final = "I have no tool at hand that can do this."
"""The answer to a request that no tool serves."""


def choose_missing_argument(
    steps: list[dict[str, Json]], stated_values: list[str], parameters: Mapping[str, Json], nth: int
) -> str | None:
    """A required parameter whose value the request says: the `nth`, counted round and round; None without one."""
    if len(steps) != 1:
        return None
    required = [name for name in parameters.get("required") or () if name in stated_values]
    return required[nth % len(required)] if required else None


def question_for(name: str, parameters: Mapping[str, Json]) -> str:
    """The question that asks a person for the value of a parameter."""
    about = str((parameters.get("properties") or {}).get(name, {}).get("description") or "").strip()
    note = f" ({about[0].lower()}{about[1:].rstrip('.')})" if about else ""
    return f"I need one more thing for this: what is the {' '.join(words(name).split())}{note}?"


def missing_argument_fault(
    query: str, missing: str, original: Mapping[str, Json], parameters: Mapping[str, Json]
) -> str | None:
    """The reason why a request does not leave out just the value of `missing`; None if it does."""
    if not query.strip():
        return "it is empty"
    sources = trace_values(original["steps"][-1]["arguments"], parameters, query)
    if sources.get(missing) != "nothing":
        return f"it still says `{missing}`"
    lost = [name for name in original["stated_values"] if name != missing and sources.get(name) == "nothing"]
    return f"it leaves out {', '.join(f'`{name}`' for name in lost)} too" if lost else None


def unrelated_request_fault(query: str, original: Mapping[str, Json], parameters: Mapping[str, Json]) -> str | None:
    """The reason why a request may still be the original one; None if it surely is another."""
    if not query.strip():
        return "it is empty"
    if words(query) == words(str(original["query"])):
        return "it is the original request"
    sources = trace_values(original["steps"][-1]["arguments"], parameters, query)
    stated_values = list(original["stated_values"])
    if stated_values and all(sources.get(name) != "nothing" for name in stated_values):
        return "it still says every value of the call"
    return None
