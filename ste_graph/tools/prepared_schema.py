"""Schemas prepared for a check: the dialect is found, and what is not JSON Schema is removed, keyword by keyword."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from jsonschema import Draft4Validator, Draft7Validator, Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import validator_for

from ste_graph.contracts import Json
from ste_graph.tools.validation import limit_class, make_validator

LONGEST_SCHEMA = 200_000
"""Characters of a schema, written as JSON; the arguments of a larger one are not checked."""
MOST_REPAIRS = 100
"""Faults of a schema that are repaired; with more of them it does not count as a schema."""
UNNAMED = (Draft202012Validator, Draft7Validator, Draft4Validator)
"""The dialects of which a schema that names none may be, the likeliest first."""

SINCE_2019 = ("$defs", "dependentRequired", "dependentSchemas", "prefixItems", "unevaluatedProperties")

NAMED = frozenset(
    {"properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions"},
)
LISTED = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
SINGLE = frozenset(
    {
        *("items", "additionalItems", "unevaluatedItems", "contains", "not", "if", "then", "else"),
        *("additionalProperties", "unevaluatedProperties", "propertyNames"),
    }
)
NOTES = frozenset(
    {
        *("title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly", "$comment"),
        *("contentMediaType", "contentEncoding", "$anchor", "$id", "id", "$schema"),
    }
)
"""Keywords that say nothing about what is valid."""


@dataclass(frozen=True)
class PreparedSchema:
    """A schema that can be checked by; `faults` says what of it cannot. Without a `validator` nothing can.

    `parts` are the validators of its parts, each made once; None if a reference can lead to a part in several ways.
    """

    validator: Any = None
    faults: tuple[str, ...] = ()
    parts: dict[int, Any] | None = None


def prepare_schema(schema: Json) -> PreparedSchema:
    """The schema with a validator of its dialect; equal schemas are prepared once."""
    try:
        text = json.dumps(schema, ensure_ascii=False, default=str)
    except (ValueError, RecursionError, TypeError) as fault:
        return PreparedSchema(faults=(f"cannot be written as JSON ({fault})"[:200],))
    if len(text) > LONGEST_SCHEMA:
        return PreparedSchema(faults=(f"has more than {LONGEST_SCHEMA:,} characters",))
    return _prepare(text)


@lru_cache(maxsize=512)
def _prepare(text: str) -> PreparedSchema:
    try:
        given = json.loads(text)
        # A dialect that is named further inside would bring back validators without limits.
        schema = json.loads(text, object_hook=_without_dialect)
        if not isinstance(schema, dict | bool):
            return PreparedSchema(faults=(f"is not a JSON Schema but {type(schema).__name__}",))
        dialect = _find_dialect(given, schema)
        faults = tuple(dict.fromkeys(_repair(schema, dialect)))
        return PreparedSchema(make_validator(dialect, schema), faults, None if '"$' in text else {})
    except RecursionError:
        return PreparedSchema(faults=("is nested too deeply",))
    except Exception as fault:  # whatever a hopeless schema makes the checker do
        return PreparedSchema(faults=(f"is not valid JSON Schema: {str(fault).splitlines()[0]:.200}",))


def _without_dialect(node: dict[str, Json]) -> dict[str, Json]:
    if _names_dialect(node):
        del node["$schema"]
    return node


def _find_dialect(given: Json, schema: Json) -> Any:
    """The dialect that the schema names; else the first that finds no fault in it, else the newest."""
    unknown = limit_class(UNNAMED[0])
    stated = validator_for(given, default=unknown) if _names_dialect(given) else unknown
    if stated is not unknown:
        return stated
    old = not any(_holds(schema, keyword) for keyword in SINCE_2019)
    return next((cls for cls in UNNAMED[: None if old else 1] if not any(_list_faults(cls, schema))), UNNAMED[0])


def _names_dialect(schema: Json) -> bool:
    return isinstance(schema, Mapping) and isinstance(schema.get("$schema"), str)


def _list_faults(dialect: Any, schema: Json) -> Iterator[ValidationError]:
    return dialect(dialect.META_SCHEMA).iter_errors(schema)  # type: ignore[no-any-return]


def _repair(schema: Any, dialect: Any) -> Iterator[str]:
    """Takes out of the schema what is broken, and gives a sentence on each part that is then not checked."""
    for _ in range(MOST_REPAIRS):
        faults = list(islice(_list_faults(dialect, schema), MOST_REPAIRS))
        if not faults:
            return
        if len(faults) == MOST_REPAIRS:
            break
        for fault in faults:
            yield from _take_out(schema, fault)
    raise ValueError("too much of it is broken")


def _take_out(schema: Any, fault: ValidationError) -> Iterator[str]:
    """Takes out the keyword that contains the fault, from the innermost schema around it."""
    path, here, at = list(fault.absolute_path), schema, 0
    holder: Any = None
    name: Any = None
    while at < len(path) and isinstance(here, dict):
        key, inside, more = path[at], here.get(path[at]), at + 1 < len(path)
        if more and ((key in NAMED and isinstance(inside, dict)) or (key in LISTED and isinstance(inside, list))):
            holder, name, at = inside, path[at + 1], at + 2
        elif more and key in SINGLE and isinstance(inside, dict):
            holder, name, at = here, key, at + 1
        else:
            yield from _remove(here, key, path[: at + 1])
            return
        if not isinstance(holder[name], dict):
            broken, holder[name] = holder[name], {}
            yield _sentence(path[:at], broken)
            return
        here = holder[name]
    if isinstance(here, dict) and isinstance(fault.validator_value, Mapping):  # draft 4: a bound that must accompany
        for key in [key for key in fault.validator_value if key in here]:
            yield from _remove(here, key, [*path, key])
    elif holder is not None and here:  # one of several things that may stand here, and none of them
        broken, holder[name] = holder[name], {}
        yield _sentence(path, broken)


def _remove(schema: dict[str, Json], key: str | int, path: Sequence[str | int]) -> Iterator[str]:
    if key in schema:
        broken = schema.pop(str(key))
        if key not in NOTES:
            yield _sentence(path, broken)


def _sentence(path: Sequence[str | int], broken: Json) -> str:
    return f"is not valid JSON Schema at `{'.'.join(map(str, path)):.100}`, {json.dumps(broken):.60}, which is left out"


def _holds(node: Json, keyword: str) -> bool:
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return (isinstance(node, dict) and keyword in node) or any(_holds(part, keyword) for part in parts)
