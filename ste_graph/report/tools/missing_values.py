"""Values that do not exist: look-ups that found nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ste_graph.contracts import Frozen, Json
from ste_graph.grouping import group
from ste_graph.report.tools.calls import TriedCall, named_arguments, sorted_json

_ABSENT = re.compile(
    r"\bthere (?:is|are|was|were) no\b|\bno such\b|\bno [\w -]{1,40}?\b(?:named|called|with|found|matche[sd]|exists?)\b"
    r"|\bnot (?:be )?found\b|\b(?:does|do|did) ?n[o']t exist\b|\bunknown\b|\b(?:cannot|can't|could not) find\b"
    r"|\bnot an? (?:known|existing)\b|\bHTTP 404\b",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"\s*(?:\[\s*\]|\{\s*\}|null|none|(?:no|0) (?:results?|matches|rows|items|entries)\b.*)?\s*", re.I
)
"""A whole answer that is empty."""
_MEANT = re.compile(
    r"did you mean:? [`'\"]?(?P<meant>[^`'\"?\n]{1,80}?)[`'\"]?(?: instead)?(?:[?.,;]|$)", re.IGNORECASE
)
_LISTED = re.compile(
    r"\b(?:there (?:is|are)|one of|choose from|available:?|allowed:?|valid[\w ]*:) (?P<list>[^\n]{3,200})"
)


class MissingValue(Frozen):
    """A value that calls looked up and that is not there."""

    tool: str
    values: dict[str, Json]
    """The value by its parameter; of several parameters, if the answer does not tell of which."""
    count: int
    trials: tuple[str, ...]
    answer: str
    """The answer of the tool; empty if it gave an empty result."""
    meant: str | None
    """The value that the tool proposed instead."""
    tells_choices: bool
    """True if the tool listed values that there are."""


def list_missing_values(calls: Sequence[TriedCall]) -> list[MissingValue]:
    """The values that were not there, the most frequent first."""
    groups = group(((call.tool, sorted_json(values)), (call, values)) for call, values in _empty_lookups(calls))
    found = []
    for (tool, _), lookups in groups.items():
        call, values = lookups[0]
        meant, listed = _MEANT.search(call.text), _LISTED.search(_ABSENT.sub("", call.text))
        found.append(
            MissingValue(
                tool=tool,
                values=values,
                count=len(lookups),
                trials=tuple(dict.fromkeys(call.trial for call, _ in lookups)),
                answer="" if call.succeeded else call.text,
                meant=meant["meant"].strip() if meant and not call.succeeded else None,
                tells_choices=bool(listed) and not call.succeeded,
            )
        )
    return sorted(found, key=lambda entry: (-entry.count, entry.tool))


def _empty_lookups(calls: Sequence[TriedCall]) -> Iterator[tuple[TriedCall, dict[str, Json]]]:
    for call in calls:
        if call.succeeded and _NOTHING.fullmatch(call.text) and call.arguments:
            yield call, dict(call.arguments)
        elif not call.succeeded and call.kind in ("tool_error", "ok") and _ABSENT.search(call.text):
            names = named_arguments(call.text, call.arguments)
            if values := {name: call.arguments[name] for name in names}:
                yield call, values
