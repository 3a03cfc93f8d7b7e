"""Coverage: how much of a tool its trials have tried out so far, from trial records alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final

from ste_graph.contracts import Frozen, Json
from ste_graph.json_values import canonical_json
from ste_graph.trials.lessons import TrialRecord

_INVALID = frozenset({"malformed", "invalid_arguments", "unknown_tool"})
"""The kinds of calls that the tool's schema refuses: they try out nothing of the tool."""

_FORM = frozenset({"malformed", "unknown_tool"})
"""The kinds of errors that are about the model's reply and not about the tool."""

_SPREAD_OVER: Final = 100
"""The most requests that are compared pair by pair: the newest."""

_DEEPEST: Final = 6


class ToolCoverage(Frozen):
    """The parts of a tool that its trials have used, and the number of trials since the last that added anything."""

    parameters: list[str]
    """The parameters used in a valid call, sorted."""
    values: list[str]
    """The values used of parameters that choose among values (enum, boolean), as `name=JSON`, sorted."""
    errors: list[str]
    """The kinds of errors that calls of the tool met, sorted."""
    requests: int
    """The number of distinct requests, see `measure_coverage`."""
    spread: float | None
    """The mean difference of the newest hundred requests, in [0, 1]; None for fewer than two.

    The difference of two requests is the share of their words that they do not have in common.
    """
    idle: int
    """The number of trials since the last that added a parameter, value, kind of error or distinct request."""
    unused: list[str]
    """The parameters, and values among which they choose, that are in no valid call yet, in the schema's order."""
    parameter_count: int
    value_count: int
    """The number of parameters, and of values among which they choose, in the tool's schema."""


def measure_coverage(trials: Sequence[TrialRecord], schema: Mapping[str, Json]) -> ToolCoverage:
    """The coverage after `trials`, one tool's in order, whose arguments have the JSON Schema `schema`.

    A request is distinct if it stayed new (the record's `new` is not false), its words are not those of an earlier one,
    and it led to a call that no earlier one had led to. So a tool without arguments has one distinct request however it
    is worded, and a request that ends without a call counts for nothing.
    """
    choices = _choices(schema)
    known_features: set[tuple[str, str]] = set()
    known_words: set[str] = set()
    known_calls: set[str] = set()
    requests = idle = 0
    for trial in trials:
        features = set(_features(trial, choices))
        words, calls = " ".join(str(trial["query"]).casefold().split()), set(valid_calls(trial))
        distinct = trial.get("new") is not False and words not in known_words and not calls <= known_calls
        idle = 0 if distinct or not features <= known_features else idle + 1
        requests += distinct
        known_features |= features
        known_calls |= calls
        known_words.add(words)
    return ToolCoverage(
        parameters=sorted(name for kind, name in known_features if kind == "parameter"),
        values=sorted(name for kind, name in known_features if kind == "value"),
        errors=sorted(name for kind, name in known_features if kind == "error"),
        requests=requests,
        spread=spread([str(trial["query"]) for trial in trials]),
        idle=idle,
        unused=_find_unused(schema, choices, known_features),
        parameter_count=len(schema.get("properties") or {}),
        value_count=sum(map(len, choices.values())),
    )


def spread(requests: Sequence[str]) -> float | None:
    """The mean difference of texts, see `ToolCoverage.spread`; to four decimals."""
    texts = [frozenset(re.findall(r"\w+", request.casefold())) for request in requests[-_SPREAD_OVER:]]
    differences = [1 - len(first & second) / (len(first | second) or 1) for first, second in combinations(texts, 2)]
    return round(sum(differences) / len(differences), 4) if differences else None


def _features(trial: TrialRecord, choices: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    """The parameters, values and kinds of errors of a trial."""
    for step in trial["steps"]:
        observation = step["observation"]
        if observation is not None and not observation["ok"] and observation["kind"] not in _FORM:
            yield "error", observation["kind"]
        for name, value in _arguments(step).items():
            yield "parameter", name
            for item in value if isinstance(value, list) else [value]:
                if canonical_json(item) in choices.get(name, ()):
                    yield "value", f"{name}={canonical_json(item)}"


def _find_unused(schema: Mapping[str, Json], choices: Mapping[str, set[str]], used: set[tuple[str, str]]) -> list[str]:
    """The parameters and values that are in no valid call; a parameter that is itself unused stands for its values."""
    found = []
    for name in schema.get("properties") or {}:
        if ("parameter", name) not in used:
            found.append(name)
        else:
            found += [
                f"{name}={value}" for value in sorted(choices.get(name, ())) if ("value", f"{name}={value}") not in used
            ]
    return found


def valid_calls(trial: TrialRecord) -> Iterator[str]:
    """The valid calls of a trial, each as text: equal calls give equal texts."""
    return (canonical_json([step["action"], _arguments(step)]) for step in trial["steps"] if _is_valid(step))


def _is_valid(step: Mapping[str, Any]) -> bool:
    observation = step["observation"]
    return step["action"] is not None and observation is not None and observation["kind"] not in _INVALID


def _arguments(step: Mapping[str, Any]) -> Mapping[str, Json]:
    return (step["arguments"] or {}) if _is_valid(step) else {}


def _choices(schema: Mapping[str, Json]) -> dict[str, set[str]]:
    """The values, as JSON, of each parameter that chooses among values."""
    found = {name: _values(part, schema) for name, part in (schema.get("properties") or {}).items()}
    return {name: values for name, values in found.items() if values}


def _values(part: Json, root: Mapping[str, Json], depth: int = 0) -> set[str]:
    if not isinstance(part, Mapping) or depth > _DEEPEST:
        return set()
    if isinstance(ref := part.get("$ref"), str):
        return _values(_resolve(ref, root), root, depth + 1)
    if "enum" in part or "const" in part:
        return set(map(canonical_json, part.get("enum") or [part.get("const")]))
    if part.get("type") == "boolean":
        return {"true", "false"}
    inner = [*(part.get("anyOf") or ()), *(part.get("oneOf") or ()), part.get("items")]
    return set().union(*(_values(choice, root, depth + 1) for choice in inner))


def _resolve(ref: str, root: Mapping[str, Json]) -> Json:
    target: Json = root
    for key in ref.removeprefix("#").strip("/").split("/"):
        target = target.get(key) if isinstance(target, Mapping) else None
    return target
