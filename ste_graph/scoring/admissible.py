"""Whether a call is one of those that an answer of the Berkeley Function-Calling Leaderboard (BFCL v4) admits.

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
class Call:
    """A call that a model makes."""

    name: str
    arguments: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that is wanted: the function, its parameters (BFCL's schema), and the admissible values of each."""

    name: str
    parameters: Mapping[str, Json]
    values: Mapping[str, Sequence[Json]]

    def named(self, name: str) -> bool:
        """Whether a name is the function's; servers that allow no dot in names get an underscore."""
        return name in (self.name, self.name.replace(".", "_"))

    def problem(self, arguments: Mapping[str, Json]) -> str | None:
        """What is wrong with the arguments; None if they are admissible."""
        properties: Mapping[str, Json] = self.parameters.get("properties", {})
        for name in self.parameters.get("required", ()):
            if name not in arguments:
                return f"`{name}` is required, but missing"
        for name, values in self.values.items():
            if name not in arguments and LEFT_OUT not in values:
                return f"`{name}` is missing"
        for name, value in arguments.items():
            if name not in properties or name not in self.values:
                return f"`{name}` is not wanted"
            kind = properties[name].get("type", "any")
            values = self.values[name]
            if not fits(value, kind) and not any(type(value) is type(one) for one in values if one != LEFT_OUT):
                return f"`{name}` is {value!r}, expected {kind}"
            if not any(admits(one, value) for one in values):
                return f"`{name}` is {value!r}, which is none of the admissible values"
        return None


def fits(value: Json, kind: str) -> bool:
    """Whether a value is of a type; a whole number is a float too, a truth value is no number."""
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
    """Whether a value is the admissible one: texts but for case, space and some punctuation, numbers by value."""
    match admissible, value:
        case str(), str():
            return _letters(admissible) == _letters(value)
        case bool(), _:
            return admissible is value
        case _, bool():
            return False
        case ((int() | float()), (int() | float())):
            return admissible == value
        case ((list() | tuple()), (list() | tuple())):
            return len(admissible) == len(value) and all(map(admits, admissible, value))
        case Mapping(), Mapping():
            return _object(admissible, value)
    return admissible is None and value is None


def _object(admissible: Mapping[str, Json], value: Mapping[str, Json]) -> bool:
    for name, values in admissible.items():
        options = values if isinstance(values, list | tuple) else [values]
        if name in value:
            if not any(admits(one, value[name]) for one in options):
                return False
        elif LEFT_OUT not in options:
            return False
    return all(name in admissible for name in value)


def exactly(value: Json) -> Json:
    """The admissible form of one value and no other."""
    if isinstance(value, Mapping):
        return {name: [exactly(inner)] for name, inner in value.items()}
    return [exactly(inner) for inner in value] if isinstance(value, list | tuple) else value


def json_schema(schema: Json) -> Json:
    """BFCL's schema as JSON Schema, as it can be offered to a model."""
    if isinstance(schema, list):
        return [json_schema(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {key: value if key in _VALUES else json_schema(value) for key, value in schema.items()}
    kind = found.get("type")
    if kind == "any":
        del found["type"]
    elif isinstance(kind, str):
        found["type"] = TYPES.get(kind, kind)
    return found


def _letters(text: str) -> str:
    return _IGNORED.sub("", text).lower().replace("'", '"')


_IGNORED = re.compile(r"[ ,./\-_*^]")
_VALUES = frozenset({"default", "enum", "const", "examples"})
