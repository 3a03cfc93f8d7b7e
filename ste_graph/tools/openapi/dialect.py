"""OpenAPI's own keywords, and those of JSON Schema before 2020-12, in the words of 2020-12."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ste_graph.contracts import Json

ANNOTATIONS = frozenset({"description", "default", "examples", "deprecated"})


def adapt(out: dict[str, Json], schema: Mapping[str, Json]) -> dict[str, Json]:
    """The schema with the keywords of OpenAPI before 3.1 replaced by those of JSON Schema."""
    if examples := find_examples(schema):
        out["examples"] = examples
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(out.get(exclusive), bool) and out.pop(exclusive) and bound in out:
            out[exclusive] = out.pop(bound)
    if out.get("type") == "file":
        out |= {"type": "string", "contentMediaType": "application/octet-stream"}
    if "type" not in out and "properties" in out:
        out["type"] = "object"
    if schema.get("nullable") is True or schema.get("x-nullable") is True:
        return make_nullable(out)
    return out


def find_examples(schema: Mapping[str, Any]) -> list[Json]:
    """The examples of a schema, a parameter or a media type, from whichever key holds them."""
    examples = schema.get("examples")
    if isinstance(examples, list):
        return examples
    if isinstance(examples, Mapping):
        return [entry["value"] for entry in examples.values() if isinstance(entry, Mapping) and "value" in entry]
    for key in ("example", "x-example"):
        if key in schema:
            return [schema[key]]
    return []


def make_nullable(schema: dict[str, Json]) -> dict[str, Json]:
    """The schema, made to accept null too."""
    kind = schema.get("type")
    if isinstance(kind, str):
        enum = {"enum": [*schema["enum"], None]} if "enum" in schema and None not in schema["enum"] else {}
        return {**schema, "type": [kind, "null"], **enum}
    if isinstance(kind, list) and "null" in kind:
        return schema
    annotations = {key: schema[key] for key in schema if key in ANNOTATIONS}
    rest = {key: schema[key] for key in schema if key not in ANNOTATIONS}
    return {**annotations, "anyOf": [rest, {"type": "null"}]}
