"""One operation of an API: what it takes, and where in the HTTP request each argument goes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ste_graph.contracts import Json
from ste_graph.tools.openapi.schema import Schemas
from ste_graph.tools.openapi.style import Style

Where = Literal["path", "query", "header", "cookie"]

OURS = frozenset({"accept", "content-type", "authorization"})
"""Header parameters that a description may list but that are no arguments (OpenAPI 3.1, section 4.8.12)."""

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


@dataclass(frozen=True)
class Operation:
    """A method on a path; `server` is its address, None where the description names none that can be reached."""

    method: str
    path: str
    server: str | None
    parameters: Sequence[Parameter] = ()
    body: Body | None = None
    arguments: Mapping[str, Json] = field(default_factory=dict)
    """JSON Schema of the arguments, references not yet closed."""


def arranged(
    method: str, path: str, server: str | None, parameters: Sequence[Parameter], body: Body | None, schemas: Schemas
) -> Operation:
    """The operation with all that it takes in one schema.

    The members of a body that is an object stand beside the parameters; where a name would stand twice, or the body
    is something else, the body is one argument `body`. Of two parameters of one name the later is `query_NAME` or so.
    """
    taken: set[str] = set()
    renamed: list[Parameter] = []
    for given in parameters:
        argument = free(given.name, taken, given.where)
        taken.add(argument)
        renamed.append(Parameter(**{**vars(given), "argument": argument}))
    properties = {given.argument: given.schema for given in renamed}
    required = [given.argument for given in renamed if given.required]
    rules: dict[str, Json] = {}
    if body is not None:
        merged = members(body.schema, schemas)
        if merged and not taken & merged[0].keys():
            inner, needed = merged
            body = Body(body.media, body.schema, body.required, None, tuple(inner), files(inner, schemas))
            properties |= inner
            if body.required:
                required += needed
            elif needed:  # the body may be left out, but not in part
                rules["dependentRequired"] = {
                    name: [n for n in needed if n != name] for name in inner if needed != [name]
                }
        else:
            body = Body(body.media, body.schema, body.required, free("body", taken, "request"))
            properties[str(body.argument)] = body.schema
            required += [str(body.argument)] if body.required else []
    arguments = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    if not required:
        del arguments["required"]
    return Operation(method, path, server, renamed, body, {**arguments, **rules})


def free(name: str, taken: set[str], prefix: str) -> str:
    """The name, or with the prefix as often as it takes to be alone."""
    while name in taken:
        name = f"{prefix}_{name}"
    return name


def members(schema: Json, schemas: Schemas, depth: int = 0) -> tuple[dict[str, Json], list[str]] | None:
    """The properties of an object and those required, `allOf` merged; None if the schema is anything more or less."""
    schema = schemas.seen_through(schema)
    if not isinstance(schema, Mapping) or depth > 20 or schema.keys() - MERGEABLE - {"allOf"}:
        return None
    if schema.get("type", "object") != "object" or schema.get("additionalProperties") not in (None, False):
        return None
    properties: dict[str, Json] = {}
    required: list[str] = []
    for part in schema.get("allOf", []):
        inner = members(part, schemas, depth + 1)
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
    shown = {name: exemplified(part, name, examples) for name, part in properties.items()}
    return shown, [name for name in dict.fromkeys(required) if depth or name in shown]


def files(properties: Mapping[str, Json], schemas: Schemas) -> frozenset[str]:
    """The members that hold files, one or several."""
    found = []
    for name, schema in properties.items():
        seen = schemas.seen_through(schema)
        if isinstance(seen, Mapping) and seen.get("type") == "array":
            seen = schemas.seen_through(seen.get("items", {}))
        if isinstance(seen, Mapping) and (seen.get("format") == "binary" or "contentMediaType" in seen):
            found.append(name)
    return frozenset(found)


def exemplified(schema: Json, name: str, examples: Sequence[Mapping[str, Json]]) -> Json:
    """The schema of a member, with its value in the examples of the whole if it has none of its own."""
    found = [example[name] for example in examples if name in example]
    if not found or not isinstance(schema, Mapping) or "examples" in schema or "$ref" in schema:
        return schema
    return {**schema, "examples": found[:3]}


def names_in(path: str) -> list[str]:
    """The names in braces in a path."""
    return re.findall(r"\{([^{}]+)\}", path)
