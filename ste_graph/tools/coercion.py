"""Bringing arguments to the type that a schema asks for, where a value can mean only one of that type."""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema.exceptions import ValidationError

from ste_graph.contracts import Json

_INTEGER = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{1,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_NOTHING = object()

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class CoercedArguments:
    """Arguments after the change; `paths` names what was changed, `left_out` what was null and is now absent."""

    arguments: dict[str, Json]
    paths: tuple[str, ...]
    left_out: frozenset[Path] = frozenset()

    def is_missed(self, before: Sequence[ValidationError], after: Sequence[ValidationError]) -> bool:
        """True if the object that a null was left out of now has a fault that it did not have before."""
        new = set(_list_places(after)) - set(_list_places(before))
        return any(path in {gone[:-1] for gone in self.left_out} for path, _ in new)


def coerce(
    arguments: dict[str, Json], errors: Sequence[ValidationError], *, leave_out: bool = True
) -> CoercedArguments:
    """The arguments with values coerced where that is harmless. `arguments` is not changed.

    Harmless means: the schema asks for one type only (besides null), and the text written as that type says the same.
    `"90"` becomes 90 for an integer, `"1.5"` a number, `"true"` a boolean, `"[1]"` a list; 5 becomes `"5"` for a
    string. A number with a fraction does not become a string, as its notation is lost; one value does not become a list
    of one. With `leave_out` a null that is not allowed is left out, which says the same wherever it may be left out.
    """
    result = arguments
    changed: list[str] = []
    left_out: set[Path] = set()
    for error in errors:
        path = tuple(error.absolute_path)
        absent = leave_out and error.instance is None and bool(path) and isinstance(path[-1], str)
        value = _NOTHING if absent or not path else convert(error.instance, expected_types(error))
        if path in left_out or (value is _NOTHING and not absent):
            continue
        if not changed:
            result = copy.deepcopy(arguments)
        put_at(result, path, value)
        changed.append(error.json_path.removeprefix("$").removeprefix("."))
        left_out |= {path} if absent else set()
    return CoercedArguments(result, tuple(sorted(set(changed))), frozenset(left_out))


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
        case "array", str() if value.strip().startswith("["):
            return read_json_text(value)
        case "object", str() if value.strip().startswith("{"):
            return read_json_text(value)
        case "string", int() if not isinstance(value, bool):
            return str(value)
    return _NOTHING


def read_json_text(text: str) -> Any:
    """The JSON that a text is; `_NOTHING` for anything else."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return _NOTHING


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def put_at(inside: Any, path: Sequence[str | int], value: Json) -> None:
    """Puts the value at a path, or takes away what is there if it is `_NOTHING`."""
    for step in path[:-1]:
        inside = inside[step]
    if value is _NOTHING:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value


def _list_places(errors: Sequence[ValidationError]) -> Iterator[tuple[Path, str]]:
    return ((tuple(error.absolute_path), str(error.validator)) for error in errors)
