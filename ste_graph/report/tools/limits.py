"""The limits of tools at providers of models: facts from their documentation, as of the dates in `SOURCES`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ste_graph.contracts import Frozen, Json

SOURCES: Final = {
    "openai": "OpenAI API reference, `tools[].function.name` and the number of tools (November 2026)",
    "openai strict": "OpenAI docs, Structured Outputs, Supported schemas (February 2026)",
    "anthropic strict": "Claude docs, Structured outputs, JSON Schema limitations (November 2025)",
    "gemini": "Vertex AI reference, `FunctionDeclaration.name` (2025)",
    "run": "what the model's server refused in this run",
}
"""The source of each fact, by provider."""

MOST_TOOLS, LONGEST_NAME = 128, 64
MOST_PROPERTIES, MOST_VALUES, MOST_LEVELS = 5000, 1000, 10
_NAME = re.compile(r"[A-Za-z0-9_-]*")
_FIRST = re.compile(r"[A-Za-z_]")
_OPENAI_STRICT: Final = frozenset({"allOf", "not", "dependentRequired", "dependentSchemas", "if", "then", "else"})
_ANTHROPIC_STRICT: Final = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems"}
    | {"minProperties", "maxProperties"}
)
_NAMED = ("properties", "patternProperties", "dependentSchemas")
"""Keywords whose value holds schemas by name; definitions are looked at where they are referred to."""
_NESTED = (
    "items",
    "additionalProperties",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedItems",
)
_LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")
_DEEPEST = 60


class Refusal(Frozen):
    """Something about the tools that a provider refuses."""

    provider: str
    tool: str | None
    """None if it is about all tools together."""
    what: str
    where: tuple[str, ...] = ()
    """The places in the schema, such as `order.items[].count`."""
    source: str


@dataclass
class _Survey:
    """The contents of a schema: its keywords by place, and its size."""

    keywords: dict[str, list[str]] = field(default_factory=dict)
    open_objects: list[str] = field(default_factory=list)
    optional: list[str] = field(default_factory=list)
    properties: int = 0
    values: int = 0
    levels: int = 0
    recursive: bool = False


def list_refusals(
    schemas: Mapping[str, Mapping[str, Json]],
    names: Mapping[str, str] | None = None,
    refused_keywords: Mapping[str, str] | None = None,
) -> list[Refusal]:
    """The refusals of providers to expect for tools with these schemas of arguments.

    `names` are the tools' own names, where they are shown under others; `refused_keywords` those of JSON Schema that a
    server refused, each with the model that it served.
    """
    found: list[Refusal] = []
    if len(schemas) > MOST_TOOLS:
        found.append(_refusal("openai", None, f"{len(schemas)} tools at once; at most {MOST_TOOLS}"))
    for tool, schema in schemas.items():
        found += _refused_names(tool, (names or {}).get(tool, tool))
        survey = _Survey()
        _look(schema, schema, "", 1, survey, ())
        found += _refused_by_strict_modes(tool, survey)
        for keyword, model in (refused_keywords or {}).items():
            if keyword in survey.keywords:
                what = f"the keyword `{keyword}`; the server of {model} refused it, and it was left out"
                found.append(_refusal("run", tool, what, survey.keywords[keyword]))
    return found


def _refused_names(tool: str, name: str) -> Iterator[Refusal]:
    if len(name) > LONGEST_NAME:
        for provider in ("openai", "gemini"):
            yield _refusal(provider, tool, f"its name has {len(name)} characters; at most {LONGEST_NAME}")
    if wrong := sorted(set(_NAME.sub("", name))):
        marks = " ".join(f"`{char}`" for char in wrong)
        yield _refusal("openai", tool, f"its name `{name}` has {marks}; letters, digits, `_` and `-` are accepted")
    if name and not _FIRST.match(name):
        yield _refusal("gemini", tool, f"its name `{name}` does not begin with a letter or `_`")


def _refused_by_strict_modes(tool: str, survey: _Survey) -> Iterator[Refusal]:
    for provider, refused in (("openai strict", _OPENAI_STRICT), ("anthropic strict", _ANTHROPIC_STRICT)):
        for keyword in sorted(refused & survey.keywords.keys()):
            yield _refusal(provider, tool, f"the keyword `{keyword}`", survey.keywords[keyword])
    if "anyOf" in survey.keywords and "" in survey.keywords["anyOf"]:
        yield _refusal("openai strict", tool, "`anyOf` at the top of the schema")
    if survey.open_objects:
        what = "objects without `additionalProperties: false`"
        yield _refusal("openai strict", tool, what, survey.open_objects)
        yield _refusal("anthropic strict", tool, what, survey.open_objects)
    if survey.optional:
        what = "parameters that are not in `required`; make each required and nullable"
        yield _refusal("openai strict", tool, what, survey.optional)
    if survey.recursive:
        yield _refusal("anthropic strict", tool, "a schema that contains itself")
    sizes = ((survey.levels, MOST_LEVELS, "levels"), (survey.properties, MOST_PROPERTIES, "parameters"))
    for size, most, noun in (*sizes, (survey.values, MOST_VALUES, "values of `enum`")):
        if size > most:
            yield _refusal("openai strict", tool, f"{size} {noun}; at most {most}")


def _look(part: Json, root: Mapping[str, Json], at: str, level: int, survey: _Survey, within: tuple[str, ...]) -> None:
    """Adds a part of a schema to the survey. References are followed once, and `within` are those around the part."""
    if not isinstance(part, Mapping) or len(within) + level > _DEEPEST:
        return
    for keyword in part:
        survey.keywords.setdefault(str(keyword), []).append(at)
    if isinstance(ref := part.get("$ref"), str):
        if ref in within:
            survey.recursive = True
        else:
            _look(_resolve(ref, root), root, at, level, survey, (*within, ref))
    survey.values += len(part["enum"]) if isinstance(part.get("enum"), list) else 0
    members = part.get("properties")
    if isinstance(members, Mapping):
        survey.levels = max(survey.levels, level)
        survey.properties += len(members)
        required = part.get("required") or ()
        survey.optional += [f"{at}.{name}".lstrip(".") for name in members if name not in required]
    if (part.get("type") == "object" or isinstance(members, Mapping)) and part.get("additionalProperties") is not False:
        survey.open_objects.append(at)
    for keyword in _NAMED:
        inner = part.get(keyword)
        for name, schema in inner.items() if isinstance(inner, Mapping) else ():
            _look(schema, root, f"{at}.{name}".lstrip("."), level + 1, survey, within)
    for keyword in _NESTED:
        _look(part.get(keyword), root, f"{at}[]" if keyword == "items" else at, level, survey, within)
    for keyword in _LISTED:
        for schema in part[keyword] if isinstance(part.get(keyword), list) else ():
            _look(schema, root, at, level, survey, within)


def _resolve(ref: str, root: Mapping[str, Json]) -> Json:
    """The part that a reference within the schema names, or None."""
    target: Json = root
    for key in ref.removeprefix("#").strip("/").split("/"):
        target = target.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(target, Mapping) else None
    return target


def _refusal(provider: str, tool: str | None, what: str, where: list[str] | None = None) -> Refusal:
    places = tuple(dict.fromkeys(where or ()))
    return Refusal(provider=provider, tool=tool, what=what, where=places, source=SOURCES[provider])
