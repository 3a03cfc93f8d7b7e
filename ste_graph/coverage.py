"""Coverage: how much of a tool its trials have tried out so far, from trial records alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final, TypeAlias

from ste_graph.contracts import Frozen, Json
from ste_graph.json_values import equality_key

TrialRecord: TypeAlias = Mapping[str, Json]
"""A trial as plain data: a line of the journal, or an entry of a memory."""

_UNTAKEN = frozenset({"malformed", "invalid_arguments", "unknown_tool"})
"""How a call ends that the tool's schema did not let pass: it tries out nothing of the tool."""

_FORM = frozenset({"malformed", "unknown_tool"})
"""Errors that speak of the model's form and not of the tool."""

_SPREAD_OVER: Final = 100
"""Requests that are compared pair by pair at most: the newest."""

_DEEPEST: Final = 6


class Coverage(Frozen):
    """What the trials of a tool have used of it, and how long ago the last of them brought anything new."""

    parameters: list[str]
    """Parameters that stood in a call which the schema let pass, sorted."""
    values: list[str]
    """Of the values among which a parameter chooses (enum, boolean), those used, as `name=JSON`, sorted."""
    errors: list[str]
    """Kinds of errors that calls of the tool met, sorted."""
    requests: int
    """Distinct requests, see `coverage_of`."""
    spread: float | None
    """How unlike the requests are, in [0, 1]: over all pairs, the mean share of words that they do not have in common.

    Of the newest hundred; None where there are fewer than two requests.
    """
    idle: int
    """Trials since the last that brought a new parameter, value, kind of error or distinct request."""
    of_parameters: int
    of_values: int
    """How many parameters, and values among which they choose, the tool's schema has."""


def coverage_of(trials: Sequence[TrialRecord], schema: Mapping[str, Json]) -> Coverage:
    """The coverage after `trials`, one tool's in order, whose arguments have the JSON Schema `schema`.

    A request is distinct if it stayed new (the record's `new` is not false), its words were not said before, and it led
    to a call that no earlier one had led to. So a tool without arguments has one distinct request however it is
    worded, and a request that ends without a call counts for nothing.
    """
    chosen = _choices(schema)
    seen: set[tuple[str, str]] = set()
    said: set[str] = set()
    made: set[str] = set()
    requests = idle = 0
    for trial in trials:
        found = set(_found(trial, chosen))
        words, calls = " ".join(str(trial["query"]).casefold().split()), set(_calls(trial))
        distinct = trial.get("new") is not False and words not in said and not calls <= made
        idle = 0 if distinct or not found <= seen else idle + 1
        requests += distinct
        seen |= found
        made |= calls
        said.add(words)
    return Coverage(
        parameters=sorted(what for kind, what in seen if kind == "parameter"),
        values=sorted(what for kind, what in seen if kind == "value"),
        errors=sorted(what for kind, what in seen if kind == "error"),
        requests=requests,
        spread=spread([str(trial["query"]) for trial in trials]),
        idle=idle,
        of_parameters=len(schema.get("properties") or {}),
        of_values=sum(map(len, chosen.values())),
    )


def spread(requests: Sequence[str]) -> float | None:
    """How unlike texts are, see `Coverage.spread`; to four decimals."""
    texts = [frozenset(re.findall(r"\w+", request.casefold())) for request in requests[-_SPREAD_OVER:]]
    apart = [1 - len(one & other) / (len(one | other) or 1) for one, other in combinations(texts, 2)]
    return round(sum(apart) / len(apart), 4) if apart else None


def _found(trial: TrialRecord, chosen: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    """The parameters, values and kinds of errors in a trial."""
    for step in trial["steps"]:
        seen = step["observation"]
        if seen is not None and not seen["ok"] and seen["kind"] not in _FORM:
            yield "error", seen["kind"]
        for name, value in _arguments(step).items():
            yield "parameter", name
            for one in value if isinstance(value, list) else [value]:
                if equality_key(one) in chosen.get(name, ()):
                    yield "value", f"{name}={equality_key(one)}"


def _calls(trial: TrialRecord) -> Iterator[str]:
    """The calls of a trial that the schema let pass."""
    return (equality_key([step["action"], _arguments(step)]) for step in trial["steps"] if _taken(step))


def _taken(step: Mapping[str, Any]) -> bool:
    seen = step["observation"]
    return step["action"] is not None and seen is not None and seen["kind"] not in _UNTAKEN


def _arguments(step: Mapping[str, Any]) -> Mapping[str, Json]:
    return (step["arguments"] or {}) if _taken(step) else {}


def _choices(schema: Mapping[str, Json]) -> dict[str, set[str]]:
    """Per parameter that chooses among values: those, as JSON."""
    found = {name: _values(of, schema) for name, of in (schema.get("properties") or {}).items()}
    return {name: values for name, values in found.items() if values}


def _values(of: Json, root: Mapping[str, Json], depth: int = 0) -> set[str]:
    if not isinstance(of, Mapping) or depth > _DEEPEST:
        return set()
    if isinstance(ref := of.get("$ref"), str):
        return _values(_followed(ref, root), root, depth + 1)
    if "enum" in of or "const" in of:
        return set(map(equality_key, of.get("enum") or [of.get("const")]))
    if of.get("type") == "boolean":
        return {"true", "false"}
    inner = [*(of.get("anyOf") or ()), *(of.get("oneOf") or ()), of.get("items")]
    return set().union(*(_values(one, root, depth + 1) for one in inner))


def _followed(ref: str, root: Mapping[str, Json]) -> Json:
    target: Json = root
    for key in ref.removeprefix("#").strip("/").split("/"):
        target = target.get(key) if isinstance(target, Mapping) else None
    return target
