"""The schemas of an API's description as JSON Schema (2020-12), as far as they concern what a caller sends."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping
from typing import Any

from ste_graph.contracts import Json
from ste_graph.tools.openapi.document import Documents, UnusableError, joined

LARGEST = 20_000
"""Characters of a tool's schema up to which it is written out; no model reads more."""

MOST_NODES, DEEPEST = 100_000, 150
"""Parts of one schema, and how deep they lie; only YAML aliases that multiply, or hold themselves, go beyond."""

PREFIX = "#/$defs/"
NAMED = ("properties", "patternProperties", "dependentSchemas")
ONE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
SEVERAL = ("allOf", "anyOf", "oneOf", "prefixItems")
ANNOTATIONS = frozenset({"description", "default", "examples", "deprecated"})
PLAIN = frozenset(
    {
        *(
            "type",
            "enum",
            "const",
            "format",
            "pattern",
            "minLength",
            "maxLength",
            "contentEncoding",
            "contentMediaType",
        ),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems"),
        *("uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties", "dependentRequired"),
        *("description", "default", "deprecated"),
    }
)
"""Keywords taken as they are; those that OpenAPI adds for documents and answers are left out."""


class Schemas:
    """All schemas of a spec, each reference converted once: `$ref` becomes `#/$defs/NAME` until `closed`."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.defs: dict[str, Json] = {}
        self._names: dict[str, str] = {}
        self._broken: dict[str, str] = {}
        self._waiting: list[tuple[str, str, str]] = []
        self._edges: dict[str, list[str]] = {}
        self._cyclic: dict[str, bool] = {}
        self._flat: dict[str, Json] = {}
        self._weights: dict[str, int] = {}
        self._nodes = 0

    def plain(self, schema: Json, base: str) -> Json:
        """The schema in JSON Schema's words. Raises `Unusable`; a broken reference shows only in `closed`."""
        self._nodes = 0
        result = self._converted(schema, base, 0)
        while self._waiting:  # a queue: chains of references may be longer than Python's stack
            name, ref, place = self._waiting.pop()
            try:
                self._nodes = 0
                self.defs[name] = self._converted(*self.documents.lookup(ref, place), 0)
            except UnusableError as fault:
                self._broken[name] = str(fault)
                self.defs[name] = {}
        return result

    def closed(self, schema: dict[str, Json]) -> dict[str, Json]:
        """The schema with nothing outside itself: `$defs` holds what is recursive.

        Where it would grow larger than `LARGEST`, `$defs` holds all that is referred to, as far as there is room.
        Raises `Unusable` if a reference in it leads nowhere.
        """
        reached = self._reached(schema)
        for name in reached:
            if name in self._broken:
                raise UnusableError(self._broken[name])
            self._refuse_empty_circle(name)
        kept = [name for name in reached if self._recursive(name)]
        try:
            large = self._weight(schema) + sum(self._weight(self.defs[name]) for name in kept) > LARGEST
            if not large:
                defs = {name: self._inlined(self.defs[name]) for name in kept}
                result: dict[str, Json] = self._inlined(schema)
                return {**result, "$defs": defs} if defs else result
        except RecursionError:
            pass
        return {**schema, "$defs": self._nearest(schema)}

    def _nearest(self, schema: dict[str, Json]) -> dict[str, Json]:
        """The definitions that there is room for, the nearest first; those beyond have no more than a name."""
        room = LARGEST - len(json.dumps(schema, default=str))
        kept: dict[str, Json] = {}
        waiting = deque(references(schema))
        while waiting:
            name = waiting.popleft()
            if name in kept:
                continue
            room -= len(json.dumps(self.defs[name], default=str))
            kept[name] = self.defs[name] if room > 0 else {"description": f"{name}, not described further."}
            waiting += self._out(name) if room > 0 else ()
        return kept

    def seen_through(self, schema: Json) -> Json:
        """The schema, or what it refers to if it is a reference with nothing but annotations beside it."""
        for _ in range(len(self.defs) + 1):
            if not isinstance(schema, Mapping) or not str(schema.get("$ref", "")).startswith(PREFIX):
                return schema
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            if not beside.keys() <= ANNOTATIONS:
                return schema
            target = self.defs[named(schema)]
            schema = {**target, **beside} if isinstance(target, Mapping) else target
        return {}

    def _converted(self, schema: Json, base: str, depth: int) -> Json:
        self._nodes += 1
        if self._nodes > MOST_NODES or depth > DEEPEST:
            raise UnusableError("a schema is too large, or holds itself other than by `$ref`")
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, Mapping):
            raise UnusableError(f"expected a schema, got {schema!r:.80}")
        out = {key: schema[key] for key in schema if key in PLAIN}
        if isinstance(schema.get("$ref"), str):
            out = {"$ref": PREFIX + self._named(schema["$ref"], base), **out}
        for key in NAMED:
            if isinstance(schema.get(key), Mapping):
                out[key] = {
                    name: self._converted(part, base, depth + 1) for name, part in self._sent(key, schema[key], base)
                }
        for key in ONE:
            if isinstance(schema.get(key), Mapping | bool):
                out[key] = self._converted(schema[key], base, depth + 1)
        for key in SEVERAL:
            if isinstance(schema.get(key), list):
                out[key] = [self._converted(part, base, depth + 1) for part in schema[key]]
        if isinstance(schema.get("required"), list):
            gone = {n for n in schema.get("properties") or {} if n not in out.get("properties", {})}
            if required := [name for name in schema["required"] if name not in gone]:
                out["required"] = required
        return adapted(out, schema)

    def _sent(self, key: str, parts: Mapping[str, Json], base: str) -> list[tuple[str, Json]]:
        return [(n, part) for n, part in parts.items() if key != "properties" or not self._read_only(part, base)]

    def _read_only(self, schema: Json, base: str) -> bool:
        try:
            return isinstance(schema, Mapping) and (
                schema.get("readOnly") is True or self.documents.resolved(schema, base)[0].get("readOnly") is True
            )
        except UnusableError:
            return False

    def _named(self, ref: str, base: str) -> str:
        target = joined(base, ref)
        if target not in self._names:
            stem = re.sub(r"[^A-Za-z0-9_.-]", "_", ref.rpartition("/")[2]).strip("_") or "schema"
            name, number = stem, 1
            while name in self.defs:
                number += 1
                name = f"{stem}_{number}"
            self._names[target] = name
            self.defs[name] = {}
            self._waiting.append((name, ref, base))
        return self._names[target]

    def _reached(self, schema: Json) -> list[str]:
        found = dict.fromkeys(references(schema))
        waiting = list(found)
        while waiting:
            for name in self._out(waiting.pop()):
                if name not in found:
                    found[name] = None
                    waiting.append(name)
        return list(found)

    def _out(self, name: str) -> list[str]:
        if name not in self._edges:
            self._edges[name] = references(self.defs[name])
        return self._edges[name]

    def _recursive(self, name: str) -> bool:
        if name not in self._cyclic:
            self._cyclic[name] = name in self._reached(self.defs[name])
        return self._cyclic[name]

    def _refuse_empty_circle(self, name: str) -> None:
        start, seen = name, {name}
        while isinstance(self.defs[name], Mapping) and "$ref" in self.defs[name]:
            name = named(self.defs[name])
            if name in seen:
                raise UnusableError(f"the schema `{start}` is nothing but a reference to itself")
            seen.add(name)

    def _weight(self, schema: Json) -> int:
        return len(json.dumps(schema, default=str)) + sum(
            self._weight_of(name) for name in references(schema) if not self._recursive(name)
        )

    def _weight_of(self, name: str) -> int:
        if name not in self._weights:
            self._weights[name] = self._weight(self.defs[name])
        return self._weights[name]

    def _inlined(self, schema: Json) -> Json:
        if isinstance(schema, list):
            return [self._inlined(part) for part in schema]
        if not isinstance(schema, dict):
            return schema
        out: dict[str, Json] = {}
        for key, part in schema.items():
            if key in NAMED:
                out[key] = {name: self._inlined(inner) for name, inner in part.items()}
            else:
                out[key] = self._inlined(part) if key in ONE or key in SEVERAL else part
        if "$ref" not in out or self._recursive(named(out)):
            return out
        name = named(out)
        del out["$ref"]
        if name not in self._flat:
            self._flat[name] = self._inlined(self.defs[name])
        target = self._flat[name]
        if isinstance(target, Mapping) and out.keys() <= ANNOTATIONS:
            return {**target, **out} if out else target
        return {"allOf": [target], **out}


def named(schema: Mapping[str, Json]) -> str:
    """The name in `$defs` that the schema refers to."""
    return str(schema["$ref"]).removeprefix(PREFIX)


def references(schema: Json) -> list[str]:
    """The names in `$defs` that a converted schema mentions."""
    found: list[str] = []
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Mapping):
            continue
        if "$ref" in node:
            found.append(named(node))
        for key in NAMED:
            waiting += node.get(key, {}).values()
        for key in SEVERAL:
            waiting += node.get(key, [])
        waiting += [node[key] for key in ONE if key in node]
    return found


def adapted(out: dict[str, Json], schema: Mapping[str, Json]) -> dict[str, Json]:
    """What OpenAPI before 3.1 says in words of its own, in those of JSON Schema."""
    if examples := examples_in(schema):
        out["examples"] = examples
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(out.get(exclusive), bool) and out.pop(exclusive) and bound in out:
            out[exclusive] = out.pop(bound)
    if out.get("type") == "file":
        out |= {"type": "string", "contentMediaType": "application/octet-stream"}
    if "type" not in out and "properties" in out:
        out["type"] = "object"
    if schema.get("nullable") is True or schema.get("x-nullable") is True:
        return nullable(out)
    return out


def examples_in(schema: Mapping[str, Any]) -> list[Json]:
    """The examples of a schema, a parameter or a media type, in whichever way they are given."""
    given = schema.get("examples")
    if isinstance(given, list):
        return given
    if isinstance(given, Mapping):
        return [entry["value"] for entry in given.values() if isinstance(entry, Mapping) and "value" in entry]
    for key in ("example", "x-example"):
        if key in schema:
            return [schema[key]]
    return []


def nullable(schema: dict[str, Json]) -> dict[str, Json]:
    """The schema, or null."""
    kind = schema.get("type")
    if isinstance(kind, str):
        enum = {"enum": [*schema["enum"], None]} if "enum" in schema and None not in schema["enum"] else {}
        return {**schema, "type": [kind, "null"], **enum}
    if isinstance(kind, list) and "null" in kind:
        return schema
    said = {key: schema[key] for key in schema if key in ANNOTATIONS}
    rest = {key: schema[key] for key in schema if key not in ANNOTATIONS}
    return {**said, "anyOf": [rest, {"type": "null"}]}
