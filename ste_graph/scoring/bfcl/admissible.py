"""Calls that an answer of the Berkeley Function-Calling Leaderboard (BFCL v4) admits.

An answer gives for each argument the list of admissible values, in which `""` means that it may be left out; inside an
object each entry has such a list again. Types are named the Python way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ste_graph.contracts import Json

LEFT_OUT = ""
TYPES: Mapping[str, str] = {"dict": "object", "float": "number", "tuple": "array"}
"""Python's names of types, and those of JSON Schema; the others are the same in both."""


@dataclass(frozen=True, slots=True)
class BfclCall:
    """A call that a model makes."""

    name: str
    arguments: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ExpectedCall:
    """A call that is expected: the function, its parameters (BFCL's schema), and the admissible values of each."""

    name: str
    parameters: Mapping[str, Json]
    values: Mapping[str, Sequence[Json]]

    def has_name(self, name: str) -> bool:
        """True if a name is the function's; servers that allow no dot in names get an underscore."""
        return name in (self.name, self.name.replace(".", "_"))

    def find_problem(self, arguments: Mapping[str, Json]) -> str | None:
        """The reason why the arguments are wrong; None if they are admissible."""
        properties: Mapping[str, Json] = self.parameters.get("properties", {})
        for name in self.parameters.get("required", ()):
            if name not in arguments:
                return f"`{name}` is required, but missing"
        for name, values in self.values.items():
            if name not in arguments and LEFT_OUT not in values:
                return f"`{name}` is missing"
        for name, value in arguments.items():
            if name not in properties or name not in self.values:
                return f"`{name}` is not expected"
            kind = properties[name].get("type", "any")
            values = self.values[name]
            if not has_type(value, kind) and not any(
                type(value) is type(option) for option in values if option != LEFT_OUT
            ):
                return f"`{name}` is {value!r}, expected {kind}"
            if not any(admits(option, value) for option in values):
                return f"`{name}` is {value!r}, which is not one of the admissible values"
        return None


def has_type(value: Json, kind: str) -> bool:
    """True if a value is of a type; a whole number is a float too, a truth value is not a number."""
    match TYPES.get(kind, kind):
        case "string":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            return isinstance(value, list | tuple)
        case "object":
            return isinstance(value, Mapping)
    return True


def admits(admissible: Json, value: Json) -> bool:
    """True if a value is the admissible one: texts but for case, space and some punctuation, numbers by value."""
    match admissible, value:
        case str(), str():
            return _compare_form(admissible) == _compare_form(value)
        case bool(), _:
            return admissible is value
        case _, bool():
            return False
        case ((int() | float()), (int() | float())):
            return admissible == value
        case ((list() | tuple()), (list() | tuple())):
            return len(admissible) == len(value) and all(map(admits, admissible, value))
        case Mapping(), Mapping():
            return _admits_object(admissible, value)
    return admissible is None and value is None


def _admits_object(admissible: Mapping[str, Json], value: Mapping[str, Json]) -> bool:
    for name, values in admissible.items():
        options = values if isinstance(values, list | tuple) else [values]
        if name in value:
            if not any(admits(option, value[name]) for option in options):
                return False
        elif LEFT_OUT not in options:
            return False
    return all(name in admissible for name in value)


def admit_only(value: Json) -> Json:
    """The admissible form of one value and no other."""
    if isinstance(value, Mapping):
        return {name: [admit_only(inner)] for name, inner in value.items()}
    return [admit_only(inner) for inner in value] if isinstance(value, list | tuple) else value


def to_json_schema(schema: Json) -> Json:
    """BFCL's schema as JSON Schema, as it can be offered to a model."""
    if isinstance(schema, list):
        return [to_json_schema(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {key: value if key in _VALUES else to_json_schema(value) for key, value in schema.items()}
    kind = found.get("type")
    if kind == "any":
        del found["type"]
    elif isinstance(kind, str):
        found["type"] = TYPES.get(kind, kind)
    return found


def _compare_form(text: str) -> str:
    return _IGNORED.sub("", text).lower().replace("'", '"')


_IGNORED = re.compile(r"[ ,./\-_*^]")
_VALUES = frozenset({"default", "enum", "const", "examples"})
