"""The faults of a call's arguments in words by which a model can repair its call."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jsonschema.exceptions import ValidationError

from ste_graph.contracts import Json
from ste_graph.suggest import SHOWN, did_you_mean, list_choices
from ste_graph.tools.validation import UnfinishedError, find_extras

BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "divisibleBy": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} entries",
    "maxProperties": "at most {} entries",
    "pattern": "text that matches the pattern {}",
    "uniqueItems": "items that all differ",
    "minContains": "at least {} items of the kind that must be among them",
    "maxContains": "at most {} items of that kind",
    "additionalItems": "no more items",
    "unevaluatedItems": "no more items",
}


class Explainer:
    """Explains faults. `validator` is that of the whole schema: examples are shown only if they are right.

    A `quick` one raises `UnfinishedError` where it would take long to find that out, so that no text depends on timing.
    """

    def __init__(self, validator: Any, *, quick: bool = False) -> None:
        self._validator = validator
        self._quick = quick

    def explain(self, error: ValidationError) -> Iterator[str]:
        """One line per fault: the field, what was expected, and the value."""
        where = error.json_path.removeprefix("$").removeprefix(".")
        inside = f"{where}." if where else ""
        schema: Mapping[str, Json] = error.schema if isinstance(error.schema, Mapping) else {}
        value: Json = error.instance
        demand: Any = error.validator_value
        match error.validator:
            case "required" if isinstance(schema.get("required"), list):
                for name in sorted({str(name) for name in schema["required"]} - set(value)):
                    yield f"- `{inside}{name}`: required, but missing{self._expectation(schema, name)}"
            case "dependentRequired" | "dependencies":
                for given, needed in missing_companions(demand, value):
                    yield (
                        f"- `{inside}{needed}`: required where `{inside}{given}` is given, but missing"
                        f"{self._expectation(schema, needed)}"
                    )
            case "additionalProperties":
                yield from _explain_unknown(inside, find_extras(value, schema), schema)
            case "unevaluatedProperties":
                yield from _explain_unknown(inside, demand, schema)
            case "anyOf" | "oneOf" if meant := find_meant_branch(error):
                for inner in meant:
                    yield from self.explain(inner)
            case None | "false":
                yield f"- `{where or 'arguments'}`: not allowed here; leave it out"
            case _:
                expected, got = self.describe_expected(error, schema), render_value(error.instance)
                yield f"- `{where or 'arguments'}`: expected {expected}; got {got}"

    def describe_expected(self, error: ValidationError, schema: Mapping[str, Json]) -> str:
        """The demand of the violated keyword, with an example if the schema has one."""
        keyword = str(error.validator)
        value: Any = error.validator_value
        if keyword == "oneOf" and not error.context:
            kinds = " and ".join(describe_variant(option) for option in value[:4])
            return f"a value that only one of the variants fits; these fit: {kinds}"
        if keyword in ("anyOf", "oneOf"):
            return self.describe_schema(schema) or "another value"
        if keyword in ("type", "enum", "const", "format"):
            return self.describe_schema(schema)
        if keyword in BOUNDS:
            return BOUNDS[keyword].format(value) + self.describe_examples(schema)
        if keyword == "items":
            return f"no more than {len(schema.get('prefixItems', ()))} items"
        if keyword == "contains":
            return f"at least one item that is {describe_kind(value) or 'of another kind'}"
        if keyword == "not":
            return f"anything but {describe_kind(value) or render_value(value)}" + self.describe_examples(schema)
        return f"a value that the keyword `{keyword}` ({render_value(value)}) accepts{self.describe_examples(schema)}"

    def describe_schema(self, schema: Json) -> str:
        """The values that a schema accepts, in a few words, with an example if it has one."""
        kind = describe_kind(schema)
        plain = isinstance(schema, Mapping) and not schema.keys() & {"$ref", "enum", "const"}
        return kind + self.describe_examples(schema) if kind and plain else kind

    def describe_examples(self, schema: Json) -> str:
        """` such as "2024-02-28"`, or nothing: an example that its own schema refuses is not shown."""
        listed = schema.get("examples") if isinstance(schema, Mapping) else None
        for example in listed[:SHOWN] if isinstance(listed, list) else ():
            if self._accepts(schema, example):
                return f", such as {render_value(example)}"
        return ""

    def _accepts(self, schema: Json, example: Json) -> bool:
        try:
            return next(iter(self._validator.evolve(schema=schema).iter_errors(example)), None) is None
        except RecursionError:
            return False
        except UnfinishedError:
            if self._quick:
                raise
            return False

    def _expectation(self, schema: Mapping[str, Json], name: str) -> str:
        expected = self.describe_schema((schema.get("properties") or {}).get(name, {}))
        return f"; expected {expected}" if expected else ""


def _explain_unknown(inside: str, names: Sequence[str], schema: Mapping[str, Json]) -> Iterator[str]:
    options = [part for key in ("allOf", "anyOf", "oneOf") for part in schema.get(key, ()) if isinstance(part, Mapping)]
    known = sorted({name for part in (schema, *options) for name in part.get("properties", {})})
    patterns = dict.fromkeys(pattern for part in (schema, *options) for pattern in part.get("patternProperties", {}))
    for name in sorted(names):
        allowed = f"allowed: {list_choices(known)}" if known else "it takes no arguments"
        if patterns:
            shown = " or ".join(f"`{pattern}`" for pattern in list(patterns)[:SHOWN])
            allowed = f"{allowed}, and" if known else "allowed:"
            allowed = f"{allowed} names that match {shown}"
        elif (inside or options or "$ref" in schema) and not known:
            allowed = "nothing is allowed here" if inside else "leave it out"
        yield f"- `{inside}{name:.80}`: unknown argument; {did_you_mean(name[:80], known)}{allowed}"


def missing_companions(rules: Mapping[str, Json], value: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """The names that are given, each with a name that must then be given too and is not."""
    for given, needed in rules.items():
        for name in ([needed] if isinstance(needed, str) else needed) if isinstance(needed, list | str) else ():
            if given in value and name not in value:
                yield given, str(name)


def rank_fault(error: ValidationError) -> tuple[str, bool, str, str]:
    """The order in which faults are told: by place, what is missing first."""
    return error.json_path, error.validator != "required", str(error.validator), error.message


def find_meant_branch(error: ValidationError) -> list[ValidationError]:
    """The faults within the option of an `anyOf` that was meant; empty if none was.

    That is the option whose tag the value has, a member with a different constant in each option; else the first whose
    type the value has. If no option has the tag, that is the only fault.
    """
    branches: dict[Json, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    branches = {
        at: faults
        for at, faults in branches.items()
        if not any(fault.validator in ("type", "enum", "const") and not fault.relative_path for fault in faults)
    }
    for name in _list_tags(error, branches):
        fitting = [faults for faults in branches.values() if not any(_is_at(fault, name) for fault in faults)]
        if len(fitting) == 1:
            return sorted(fitting[0], key=rank_fault)
        if not fitting:
            return [
                _join_tags(error, [fault for faults in branches.values() for fault in faults if _is_at(fault, name)])
            ]
    return sorted(next(iter(branches.values()), []), key=rank_fault)


def _list_tags(error: ValidationError, branches: Mapping[Json, list[ValidationError]]) -> list[str | int]:
    """The members that some of the options refuse as not their constant."""
    options: Any = error.validator_value
    described = [option.get("properties", {}) for option in options if isinstance(option, Mapping)]
    found: dict[str | int, None] = {}
    for fault in (fault for faults in branches.values() for fault in faults if len(fault.relative_path) == 1):
        name, value = fault.relative_path[0], fault.validator_value
        constant = fault.validator == "const" or (isinstance(value, list) and len(value) == 1)
        if _is_at(fault, name) and (constant or all(name in members for members in described)):
            found[name] = None
    return list(found)


def _is_at(fault: ValidationError, name: str | int) -> bool:
    """True if a value's member is refused for not being a constant."""
    return fault.validator in ("const", "enum") and list(fault.relative_path) == [name]


def _join_tags(error: ValidationError, faults: Sequence[ValidationError]) -> ValidationError:
    """The fault of a tag that none of the options has."""
    values: list[Any] = []
    for fault in faults:
        values += fault.validator_value if isinstance(fault.validator_value, list) else [fault.validator_value]
    return ValidationError(
        "unknown tag",
        validator="enum",
        validator_value=values,
        instance=faults[0].instance,
        schema={"enum": [value for at, value in enumerate(values) if value not in values[:at]]},
        path=faults[0].relative_path,
        parent=error,
    )


def describe_kind(schema: Json) -> str:
    """The values that a schema accepts, in a few words: `integer`, `one of "de", "en"`, `string (date, YYYY-MM-DD)`."""
    if not isinstance(schema, Mapping):
        return ""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if isinstance(schema.get("enum"), list):
        more = f" and {len(schema['enum']) - SHOWN} more" if len(schema["enum"]) > SHOWN else ""
        return "one of " + ", ".join(render_value(value) for value in schema["enum"][:SHOWN]) + more
    if "const" in schema:
        return render_value(schema["const"])
    options = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(options, list):
        return " or ".join(dict.fromkeys(filter(None, (describe_variant(option) for option in options[:SHOWN]))))
    kinds = schema.get("type", "")
    words = " or ".join(map(str, kinds)) if isinstance(kinds, list) else str(kinds)
    form = schema.get("format")
    notations = {"date": "YYYY-MM-DD", "date-time": "YYYY-MM-DDTHH:MM:SS", "time": "HH:MM:SS"}
    return f"{words} ({form}{', ' + notations[form] if form in notations else ''})" if form else words


def describe_variant(option: Json) -> str:
    """One of several options: as `describe_kind`, and of an object its members too."""
    members = option.get("properties") if isinstance(option, Mapping) else None
    return f"object ({list_choices(members)})" if isinstance(members, Mapping) and members else describe_kind(option)


def render_value(value: Json) -> str:
    """The value as JSON, short."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except RecursionError:
        return "a value that is nested too deeply"
    return text if len(text) <= 80 else f"{text[:77]}…"
