"""Descriptions of tools in the format of ToolBench, as the paper's 50 tools have it, and their JSON Schemas.

A description is JSON in a string (name, type, description and `default` of required and optional parameters), or free
text that ends in a list of arguments (the paper's ten tools from BMTools). Types are those of RapidAPI.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ste_graph.contracts import Json
from ste_graph.tools.names import LONGEST

ARGUMENTS = re.compile(r"Your input should be a json \(args json schema\): \{\{(.*?)\}\}", re.DOTALL)
TRIGGER = re.compile(r"The Action to trigger this API should be ", re.DOTALL)
ARGUMENT = re.compile(r'"([^"]+)"\s*:\s*(\w+)')
EXPLAINED = re.compile(r"([\w-]+) \([^()]*\)")
TYPES: Mapping[str, dict[str, Json]] = {
    "ARRAY": {"type": "array"},
    "BOOLEAN": {"type": "boolean"},
    "DATE (YYYY-MM-DD)": {"type": "string", "format": "date"},
    "INTEGER": {"type": "integer"},
    "MAP": {"type": "object"},
    "NUMBER": {"type": "number"},
    "OBJECT": {"type": "object"},
}
"""All other types (STRING, ENUM, FILE and so on) go as text."""
PYTHON: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


class UnreadableError(ValueError):
    """A description is not in the format; the text says why."""


@dataclass(frozen=True)
class Description:
    """A tool as it is described. `original` is its name in the file, `name` one that models may use."""

    original: str
    name: str
    text: str
    parameters: Mapping[str, Json]


def plain_name(original: str) -> str:
    """A name that models may use, without accents, and with one `_` for all else that is not a letter or a digit."""
    plain = unicodedata.normalize("NFKD", original).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-zA-Z0-9-]+", "_", plain)[:LONGEST].strip("_") or "tool"


def read_description(original: str, content: Json) -> Description:
    """The description of one tool. Raises `UnreadableError`."""
    if isinstance(content, str):
        with suppress(json.JSONDecodeError):
            content = json.loads(content)
    match content:
        case {"required_parameters": list() as required, "optional_parameters": list() as optional}:
            return Description(
                original, plain_name(original), structured_text(content), arguments_schema(required, optional)
            )
        case str() if content.strip():
            return read_free_text(original, content)
    raise UnreadableError("it is neither free text nor a mapping with `required_parameters` and `optional_parameters`")


def read_free_text(original: str, text: str) -> Description:
    """A description in free text: the text before the arguments, and the arguments, all of them required."""
    listed = ARGUMENTS.search(text)
    trigger = TRIGGER.search(text)
    ends = [match.start() for match in (listed, trigger) if match]
    about = text[: min(ends, default=len(text))].replace("{{", "{").replace("}}", "}").strip()
    parameters = [{"name": n, "type": t.upper()} for n, t in ARGUMENT.findall(listed[1] if listed else "")]
    return Description(original, plain_name(original), re.sub(r"\.\.$", ".", about), arguments_schema(parameters, []))


def structured_text(content: Mapping[str, Json]) -> str:
    """The purpose of the tool, and of the collection that it is part of."""
    own = str(content.get("description") or "").strip()
    parent, about = (str(content.get(f"parent_tool_{key}") or "").strip() for key in ("name", "description"))
    if own and own[-1] not in ".!?:;)*":
        own += "."
    part = f"Part of {parent}: {about}" if parent and about else f"Part of {parent}." if parent else about
    return " ".join(filter(None, [own, part]))


def arguments_schema(required: list[Json], optional: list[Json]) -> dict[str, Json]:
    """The JSON Schema of the arguments.

    Of a required parameter, `default` is an example: the value with which RapidAPI's console fills the form.
    """
    properties: dict[str, Json] = {}
    for parameter, needed in [(entry, True) for entry in required] + [(entry, False) for entry in optional]:
        if not isinstance(parameter, Mapping) or not isinstance(parameter.get("name"), str):
            raise UnreadableError(f"a parameter is not a mapping with a `name`: {parameter!r:.80}")
        properties.setdefault(parameter["name"], parameter_schema(parameter, needed))
    names = list(dict.fromkeys(entry["name"] for entry in required))
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


def parameter_schema(parameter: Mapping[str, Json], needed: bool) -> dict[str, Json]:
    """The JSON Schema of one parameter."""
    kind = str(parameter.get("type") or "").strip().upper()
    entry: dict[str, Json] = dict(TYPES.get(kind, {"type": "string"}))
    about = str(parameter.get("description") or "").strip()
    if about:
        entry["description"] = about
    if kind == "ENUM" and (values := enum_values(about)):
        entry["enum"] = values
    value = read_value(parameter.get("default"), entry["type"])
    if value in (None, "") or value not in entry.get("enum", [value]):
        return entry
    if (own := PYTHON.get(type(value), "string")) != entry["type"] and (own, entry["type"]) != ("integer", "number"):
        entry["type"] = [entry["type"], own]  # the file's own value must do: `true` for a STRING
    if not needed:
        entry["default"] = value
    elif isinstance(value, str) and "|" in value:
        entry["examples"] = value.split("|")
    else:
        entry["examples"] = [value]
    return entry


def enum_values(about: str) -> list[str]:
    """The values that the description of an ENUM lists after a colon: `en (English), ru (Russian)` or `a, b, c`."""
    listed = about.rpartition(":")[2].strip(" .*\n")
    values = EXPLAINED.findall(listed) or [part.strip(" \"'`") for part in listed.split(",")]
    plain = list(dict.fromkeys(value for value in values if re.fullmatch(r"[\w.-]+", value)))
    return plain if ":" in about and len(plain) == len(values) > 1 else []


def read_value(value: Json, kind: str) -> Json:
    """A `default`, which the format writes as text, as a value of the parameter's type where it is one."""
    if not isinstance(value, str) or kind == "string" or not value.strip():
        return value
    return next((found for found in json_readings(value) if PYTHON.get(type(found)) in accepted_types(kind)), value)


def accepted_types(kind: str) -> tuple[str, ...]:
    """The types that a value of this type may have."""
    return ("number", "integer") if kind == "number" else (kind,)


def json_readings(text: str) -> Iterator[Json]:
    """The values of the text as JSON, in any case of letters."""
    for form in (text, text.lower()):
        with suppress(ValueError):
            yield json.loads(form, parse_constant=refuse_constant)


def refuse_constant(constant: str) -> float:
    """Refuses NaN and the infinities, which JSON does not have."""
    raise ValueError(constant)
