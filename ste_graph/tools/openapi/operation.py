"""One operation of an API: its arguments, and where in the HTTP request each of them goes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ste_graph.contracts import Json
from ste_graph.tools.openapi.form import Encoding
from ste_graph.tools.openapi.schema import Schemas
from ste_graph.tools.openapi.style import Style

Where = Literal["path", "query", "header", "cookie"]

RESERVED_HEADERS = frozenset({"accept", "content-type", "authorization"})
"""Header parameters that a description may list but that are not arguments (OpenAPI 3.1, section 4.8.12)."""

MERGEABLE = frozenset({"type", "properties", "required", "additionalProperties", "description", "examples", "default"})


@dataclass(frozen=True)
class Parameter:
    """One parameter; `argument` is its name in the tool's schema."""

    name: str
    where: Where
    schema: Json
    required: bool
    style: Style
    explode: bool
    reserved: bool = False
    argument: str = ""


@dataclass(frozen=True)
class Body:
    """The request's body. `argument` holds it whole; None: its members are arguments of their own."""

    media: str
    schema: Json
    required: bool
    argument: str | None = "body"
    members: tuple[str, ...] = ()
    files: frozenset[str] = frozenset()
    """Members that a form sends as files."""
    encodings: Mapping[str, Encoding] = field(default_factory=dict)
    """The encodings of the members of a form, where the description states them."""


@dataclass(frozen=True)
class Operation:
    """A method on a path; `server` is its address, None if the description names none that can be reached."""

    method: str
    path: str
    server: str | None
    parameters: Sequence[Parameter] = ()
    body: Body | None = None
    arguments: Mapping[str, Json] = field(default_factory=dict)
    """JSON Schema of the arguments, references not yet closed."""


def arrange(
    method: str, path: str, server: str | None, parameters: Sequence[Parameter], body: Body | None, schemas: Schemas
) -> Operation:
    """The operation with all of its arguments in one schema.

    The members of a body that is an object are arguments like the parameters; if a name would occur twice, or the body
    is something else, the body is one argument `body`. Of two parameters of one name the later is `query_NAME` or so.
    """
    taken: set[str] = set()
    renamed: list[Parameter] = []
    for parameter in parameters:
        argument = free_name(parameter.name, taken, parameter.where)
        taken.add(argument)
        renamed.append(Parameter(**{**vars(parameter), "argument": argument}))
    properties = {parameter.argument: parameter.schema for parameter in renamed}
    required = [parameter.argument for parameter in renamed if parameter.required]
    rules: dict[str, Json] = {}
    if body is not None:
        merged = body_members(body.schema, schemas)
        body = replace(body, files=file_members(merged[0], schemas) if merged else frozenset())
        if merged and not taken & merged[0].keys():
            inner, needed = merged
            body = replace(body, argument=None, members=tuple(inner))
            properties |= inner
            if body.required:
                required += needed
            elif needed:  # the body may be left out, but not in part
                rules["dependentRequired"] = {
                    name: [n for n in needed if n != name] for name in inner if needed != [name]
                }
        else:
            body = replace(body, argument=free_name("body", taken, "request"))
            properties[str(body.argument)] = body.schema
            required += [str(body.argument)] if body.required else []
    arguments = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    if not required:
        del arguments["required"]
    return Operation(method, path, server, renamed, body, {**arguments, **rules})


def free_name(name: str, taken: set[str], prefix: str) -> str:
    """The name, with the prefix as often as it takes to be unique."""
    while name in taken:
        name = f"{prefix}_{name}"
    return name


def body_members(schema: Json, schemas: Schemas, depth: int = 0) -> tuple[dict[str, Json], list[str]] | None:
    """The properties of an object and the required ones, `allOf` merged; None if the schema is anything else."""
    schema = schemas.look_through(schema)
    if not isinstance(schema, Mapping) or depth > 20 or schema.keys() - MERGEABLE - {"allOf"}:
        return None
    if schema.get("type", "object") != "object" or schema.get("additionalProperties") not in (None, False):
        return None
    properties: dict[str, Json] = {}
    required: list[str] = []
    for part in schema.get("allOf", []):
        inner = body_members(part, schemas, depth + 1)
        if inner is None or properties.keys() & inner[0].keys():
            return None
        properties |= inner[0]
        required += inner[1]
    own = schema.get("properties", {})
    if properties.keys() & own.keys():
        return None
    properties |= own
    required += schema.get("required", [])
    if depth == 0 and not properties:
        return None
    examples = [example for example in schema.get("examples", []) if isinstance(example, Mapping)]
    shown = {name: add_examples(part, name, examples) for name, part in properties.items()}
    return shown, [name for name in dict.fromkeys(required) if depth or name in shown]


def file_members(properties: Mapping[str, Json], schemas: Schemas) -> frozenset[str]:
    """The members that hold a file or a list of files."""
    found = []
    for name, schema in properties.items():
        seen = schemas.look_through(schema)
        if isinstance(seen, Mapping) and seen.get("type") == "array":
            seen = schemas.look_through(seen.get("items", {}))
        if isinstance(seen, Mapping) and (seen.get("format") == "binary" or "contentMediaType" in seen):
            found.append(name)
    return frozenset(found)


def add_examples(schema: Json, name: str, examples: Sequence[Mapping[str, Json]]) -> Json:
    """The schema of a member, with its value in the examples of the whole if it has none of its own."""
    found = [example[name] for example in examples if name in example]
    if not found or not isinstance(schema, Mapping) or "examples" in schema or "$ref" in schema:
        return schema
    return {**schema, "examples": found[:3]}


def placeholder_names(path: str) -> list[str]:
    """The names in braces in a path."""
    return re.findall(r"\{([^{}]+)\}", path)
