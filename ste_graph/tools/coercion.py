"""Bringing arguments to the type that a schema asks for, where a value can mean only one of that type."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema.exceptions import ValidationError

from ste_graph.contracts import Json

_INTEGER = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{1,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_NOTHING = object()


def coerce(arguments: dict[str, Json], errors: Sequence[ValidationError]) -> tuple[dict[str, Json], tuple[str, ...]]:
    """The arguments with values coerced where that is harmless, and the paths of these. `arguments` stays as it is.

    Harmless means: the schema asks for one type only (beside null), and the text written as that type says the same.
    `"90"` becomes 90 for an integer, `"1.5"` a number, `"true"` a boolean; 5 becomes `"5"` for a string. A number with
    a fraction does not become a string, as its notation is lost; one value does not become a list of one.
    """
    result = arguments
    changed: list[str] = []
    for error in errors:
        value = convert(error.instance, expected_types(error))
        if value is _NOTHING or not error.absolute_path:
            continue
        if not changed:
            result = copy.deepcopy(arguments)
        put_at(result, list(error.absolute_path), value)
        changed.append(error.json_path.removeprefix("$").removeprefix("."))
    return result, tuple(sorted(set(changed)))


def expected_types(error: ValidationError) -> frozenset[str]:
    """The types that the schema at the error accepts; empty if they are not plain, or not the problem."""
    match error.validator, error.validator_value:
        case "type", str(kind):
            return frozenset({kind})
        case "type", list(kinds):
            return frozenset(map(str, kinds))
        case (("anyOf" | "oneOf"), list(options)):
            kinds = [option.get("type") if isinstance(option, Mapping) else None for option in options]
            if all(isinstance(kind, str) for kind in kinds):
                return frozenset(map(str, kinds))
    return frozenset()


def convert(value: Json, types: frozenset[str]) -> Any:
    """The value in the one type asked for; `_NOTHING` if there are several, or it would be a guess."""
    if len(kinds := types - {"null"}) != 1:
        return _NOTHING
    match next(iter(kinds)), value:
        case "integer", str() if _INTEGER.fullmatch(value.strip()):
            return int(value)
        case "number", str() if _NUMBER.fullmatch(value.strip()):
            number = int(value) if _INTEGER.fullmatch(value.strip()) else float(value)
            return number if math.isfinite(number) else _NOTHING
        case "boolean", str() if value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        case "string", int() if not isinstance(value, bool):
            return str(value)
    return _NOTHING


def put_at(inside: Any, path: Sequence[str | int], value: Json) -> None:
    """Puts the value at a path."""
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
