"""The check of a call's arguments against the tool's JSON Schema, in words by which a model can repair its call."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry

from ste_graph.contracts import Json
from ste_graph.suggest import did_you_mean
from ste_graph.tools.coercion import coerce

FORMATS = FormatChecker()
BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} entries",
    "maxProperties": "at most {} entries",
    "pattern": "text that matches the pattern {}",
}


@FORMATS.checks("date-time", raises=ValueError)
def _is_datetime(value: object) -> bool:
    return not isinstance(value, str) or (
        len(value) > len("2024-02-28") and dt.datetime.fromisoformat(value) is not None
    )


@FORMATS.checks("time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or dt.time.fromisoformat(value) is not None


def _pattern(validator: Any, pattern: str, value: Json, schema: Json) -> Iterator[ValidationError]:
    with contextlib.suppress(
        re.error
    ):  # JSON Schema's patterns are ECMAScript's; what Python cannot read, it lets pass
        yield from Draft202012Validator.VALIDATORS["pattern"](validator, pattern, value, schema)


Validator = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class CheckedArguments:
    """Arguments after the check: as the tool gets them, the coerced ones, and the problem if there is one."""

    arguments: dict[str, Json] = field(default_factory=dict)
    coerced: tuple[str, ...] = ()
    problem: str | None = None


class ArgumentChecker:
    """The arguments that one tool takes; its schema is compiled once.

    `fault` says what is wrong with the schema itself. Such a tool stays usable: its arguments are then not checked.
    """

    def __init__(self, tool: str, schema: Mapping[str, Json]) -> None:
        self.tool = tool
        self.schema = schema
        self.fault: str | None = None
        try:
            Validator.check_schema(schema, format_checker=FormatChecker(()))
        except Exception as fault:  # besides SchemaError whatever a hopeless schema makes the checker do
            self.fault = f"the schema of `{tool}` is not valid JSON Schema: {str(fault).splitlines()[0]:.200}"
        # An empty registry: a `$ref` to somewhere in the network is an error, not a download.
        self._validator = Validator(schema, registry=Registry(), format_checker=FORMATS)

    def check(self, arguments: Json) -> CheckedArguments:
        """The arguments as the tool may get them, or their problem, one line per fault.

        A value of the wrong type that can mean only one value of the right type is coerced.
        """
        if not isinstance(arguments, Mapping):
            return CheckedArguments(
                problem=self._list_faults([f"- the arguments must be one JSON object; got {render_value(arguments)}"])
            )
        values = dict(arguments)
        if self.fault:
            return CheckedArguments(arguments=values)
        try:
            errors = list(self._validator.iter_errors(values))
            if not errors:
                return CheckedArguments(arguments=values)
            values, changed = coerce(values, errors)
            if changed:
                errors = list(self._validator.iter_errors(values))
        except RecursionError:
            return CheckedArguments(problem=self._list_faults(["- the arguments are nested too deeply"]))
        except Exception as fault:  # a `$ref` that leads nowhere, most of all
            self.fault = f"the schema of `{self.tool}` cannot be used: {type(fault).__name__}: {fault}"[:300]
            return CheckedArguments(arguments=dict(arguments))
        errors.sort(key=lambda error: (error.json_path, error.message))
        lines = dict.fromkeys(line for error in errors for line in explain(error))
        if lines:
            return CheckedArguments(problem=self._list_faults(list(lines)))
        return CheckedArguments(arguments=values, coerced=changed)

    def problem(self, arguments: Json) -> str | None:
        """The problem of the arguments; None if the tool may get them."""
        return self.check(arguments).problem

    def _list_faults(self, lines: list[str]) -> str:
        more = [f"- and {len(lines) - 10} more"] if len(lines) > 10 else []
        return "\n".join([f"Invalid arguments for `{self.tool}`:", *lines[:10], *more])


def explain(error: ValidationError) -> Iterator[str]:
    """One line per fault: the field, what was expected, and the value."""
    where = error.json_path.removeprefix("$").removeprefix(".")
    inside = f"{where}." if where else ""
    schema: Mapping[str, Json] = error.schema if isinstance(error.schema, Mapping) else {}
    value: Json = error.instance
    match error.validator:
        case "required":
            missing = {str(name) for name in schema["required"]} - set(value)
            for name in sorted(missing):
                expected = describe_schema(schema.get("properties", {}).get(name, {}))
                yield f"- `{inside}{name}`: required, but missing" + (f"; expected {expected}" if expected else "")
        case "additionalProperties" | "unevaluatedProperties":
            known = sorted(schema.get("properties", {}))
            for name in sorted(set(value) - set(known)):
                allowed = f"allowed: {', '.join(known)}" if known else "it takes no arguments"
                yield f"- `{inside}{name}`: unknown argument; {did_you_mean(name, known)}{allowed}"
        case "anyOf" | "oneOf" if meant := find_meant_branch(error):
            for inner in meant:
                yield from explain(inner)
        case _:
            expected, got = describe_expected(error, schema), render_value(error.instance)
            yield f"- `{where or 'arguments'}`: expected {expected}; got {got}"


def find_meant_branch(error: ValidationError) -> list[ValidationError]:
    """The faults within the option of an `anyOf` that was meant: the first whose type the value has; empty if none."""
    options: dict[Json, list[ValidationError]] = {}
    for inner in error.context or ():
        options.setdefault(inner.relative_schema_path[0], []).append(inner)
    for faults in options.values():
        if not any(fault.validator in ("type", "enum", "const") and not fault.relative_path for fault in faults):
            return sorted(faults, key=lambda fault: (fault.json_path, fault.message))
    return []


def describe_expected(error: ValidationError, schema: Mapping[str, Json]) -> str:
    """The demand of the violated keyword, with an example if the schema has one."""
    keyword, value = str(error.validator), error.validator_value
    if keyword in ("type", "enum", "const", "format", "anyOf", "oneOf"):
        return describe_schema(schema)
    if keyword in BOUNDS:
        return BOUNDS[keyword].format(value) + describe_examples(schema)
    return f"something else ({error.message:.200}){describe_examples(schema)}"


def describe_schema(schema: Json) -> str:
    """The values that a schema accepts, in a few words: `integer`, `one of "de", "en"`, `string (date)`."""
    if not isinstance(schema, Mapping):
        return ""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return "one of " + ", ".join(render_value(value) for value in schema["enum"])
    if "const" in schema:
        return render_value(schema["const"])
    options = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(options, list):
        return " or ".join(
            dict.fromkeys(filter(None, (describe_schema(option) for option in options)))
        ) + describe_examples(schema)
    kinds = schema.get("type", "")
    words = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    form = schema.get("format")
    patterns = {"date": "YYYY-MM-DD", "date-time": "YYYY-MM-DDTHH:MM:SS", "time": "HH:MM:SS"}
    if form:
        words = f"{words} ({form}{', ' + patterns[form] if form in patterns else ''})"
    return words + describe_examples(schema) if words else ""


def describe_examples(schema: Json) -> str:
    """` such as "2024-02-28"`, or nothing."""
    listed = schema.get("examples") if isinstance(schema, Mapping) else None
    return f", such as {render_value(listed[0])}" if isinstance(listed, list) and listed else ""


def render_value(value: Json) -> str:
    """The value as JSON, short."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 80 else f"{text[:77]}…"
