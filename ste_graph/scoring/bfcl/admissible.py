"""Calls that an answer of the Berkeley Function-Calling Leaderboard (BFCL v4) admits, by the leaderboard's own rules.

An answer gives for each argument the list of admissible values, in which `""` means that it may be left out; inside an
object each entry has such a list again, whose values are then plain. Types are named the Python way. Values are equal
as they are in Python: 5 is 5.0, and within a list or an object 1 is True.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ste_graph.contracts import Json

LEFT_OUT: Final = ""
TYPES: Final[Mapping[str, type]] = {
    "string": str,
    "integer": int,
    "float": float,
    "number": float,
    "boolean": bool,
    "array": list,
    "tuple": list,
    "dict": dict,
    "object": dict,
    "any": str,
}
"""The types of values, by the names that BFCL's Python functions and JSON Schema have for them.

`any` is a text, or of the type that the answer has.
"""
_JSON_SCHEMA: Final[Mapping[str, str]] = {"dict": "object", "float": "number", "tuple": "array"}


@dataclass(frozen=True, slots=True)
class AdmissibleCall:
    """A call that is expected: the function, its parameters (BFCL's schema), and the admissible values of each."""

    name: str
    parameters: Mapping[str, Json]
    values: Mapping[str, Sequence[Json]]

    @property
    def gold_arguments(self) -> dict[str, Json]:
        """The arguments as the gold call states them."""
        return dict(self.values)

    def find_problem(self, arguments: Mapping[str, Json]) -> str | None:
        """The reason why the arguments are wrong; None if they are admissible."""
        properties: Mapping[str, Mapping[str, Json]] = self.parameters.get("properties", {})
        for name in self.parameters.get("required", ()):
            if name not in arguments:
                return f"`{name}` is required, but missing"
        for name, values in self.values.items():
            if name not in arguments and LEFT_OUT not in values:
                return f"`{name}` is missing"
        for name, value in arguments.items():
            if name not in properties or name not in self.values:
                return f"`{name}` is not expected"
            schema, values = properties[name], self.values[name]
            if not _has_type(value, schema, values):
                return f"`{name}` is {value!r}, expected {schema.get('type', 'any')}"
            if not _is_admissible(value, schema, values):
                return f"`{name}` is {value!r}, which is not one of the admissible values"
        return None


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
        found["type"] = _JSON_SCHEMA.get(kind, kind)
    return found


def _has_type(value: Json, schema: Mapping[str, Json], options: Sequence[Json]) -> bool:
    """True if a value is of the parameter's type, or of the answer's, which may be a variable's name.

    A whole number is a float too, though not within a list. The items of a list have the type of the items, or that
    of the first in one of the answer's lists.
    """
    expected, given = _type_of(schema), type(value)
    if given is expected or (expected is float and given is int):
        item_type = _item_type(schema)
        return item_type is None or any(_have_type(value, item_type, option) for option in options)
    return given is _type_in(options)


def _have_type(items: Sequence[Json], expected: type, option: Json) -> bool:
    if not isinstance(option, list):
        return True
    answered = _type_in(option)
    return all(type(item) is expected or type(item) is answered for item in items)


def _is_admissible(value: Json, schema: Mapping[str, Json], options: Sequence[Json]) -> bool:
    """True if a value of the right type is one of the admissible ones."""
    expected, given = _type_of(schema), type(value)
    if given is not expected or _type_in(options) not in (None, expected):
        return value in options
    if expected is dict:
        return any(_admits_object(option, value) for option in options)
    if expected is list and _item_type(schema) is dict:
        return any(_admits_objects(option, value) for option in options)
    if expected is str:
        return _simplify(value) in [_simplify(option) for option in options if isinstance(option, str)]
    if expected is list:
        lists = [_simplify_all(option or ()) for option in options if isinstance(option, list) or option == LEFT_OUT]
        return _simplify_all(value) in lists
    return value in options


def _admits_objects(option: Json, values: Sequence[Json]) -> bool:
    """True if the objects of a list are admissible one by one; a list that may be left out may also be empty."""
    if not isinstance(option, list):
        return option == LEFT_OUT and not values
    return len(option) == len(values) and all(map(_admits_object, option, values))


def _admits_object(option: Json, value: Json) -> bool:
    """True if every entry of an object is admissible, and none is missing that may not be left out."""
    if not isinstance(option, dict) or not isinstance(value, dict):
        return False
    admissible = {name: listed if isinstance(listed, list) else [listed] for name, listed in option.items()}
    if any(name not in value and LEFT_OUT not in options for name, options in admissible.items()):
        return False
    return all(
        name in admissible and _simplify(inner) in _simplify_all(admissible[name]) for name, inner in value.items()
    )


def _type_of(schema: Mapping[str, Json]) -> type:
    return TYPES[schema.get("type", "any")]


def _item_type(schema: Mapping[str, Json]) -> type | None:
    """The type of a list's items; None for anything that is not a list, and for a list of anything."""
    if _type_of(schema) is not list or not isinstance(schema.get("items"), Mapping):
        return None
    return _type_of(schema["items"])


def _type_in(options: Iterable[Json]) -> type | None:
    """The type of the first admissible value; None if the only option is to leave it out."""
    return next((type(option) for option in options if option != LEFT_OUT), None)


def _simplify_all(values: Iterable[Json]) -> list[Json]:
    return [_simplify(value) for value in values]


def _simplify(value: Json) -> Json:
    """A text without case, space and some punctuation, which do not count; another value as it is."""
    return _IGNORED.sub("", value).lower().replace("'", '"') if isinstance(value, str) else value


_IGNORED = re.compile(r"[ ,./\-_*^]")
_VALUES = frozenset({"default", "enum", "const", "examples"})
