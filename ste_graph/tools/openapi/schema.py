"""The schemas of an API's description as JSON Schema (2020-12), as far as they concern what a caller sends."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping

from ste_graph.contracts import Json
from ste_graph.tools.openapi.dialect import ANNOTATIONS, adapt
from ste_graph.tools.openapi.document import Documents, UnusableError, describe_content, join_reference
from ste_graph.tools.openapi.variants import Variants

LARGEST = 20_000
"""Characters of a tool's schema up to which it is written out; no model reads more."""

MOST_NODES, DEEPEST = 100_000, 150
"""Parts of one schema, and their depth; only YAML aliases that multiply, or contain themselves, go beyond."""

PREFIX = "#/$defs/"
NAMED = ("properties", "patternProperties", "dependentSchemas")
ONE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
SEVERAL = ("allOf", "anyOf", "oneOf", "prefixItems")
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
"""Keywords that are kept as they are; those that OpenAPI adds for documents and answers are left out."""


class NoSchemaError(UnusableError):
    """Something else in the place of a schema: what it is, and the path to it."""

    def __init__(self, found: str, path: tuple[str, ...] = ()) -> None:
        self.found, self.path = found, path
        where = f" at `{'.'.join(path):.100}`" if path else ""
        super().__init__(f"expected a schema{where}, got {found}")


class Schemas:
    """All schemas of a spec, each reference converted once: `$ref` becomes `#/$defs/NAME` until `close`."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.defs: dict[str, Json] = {}
        self._variants = Variants(documents)
        self._names: dict[tuple[str, bool], str] = {}
        self._broken: dict[str, str] = {}
        self._waiting: list[tuple[str, str, str, bool]] = []
        self._edges: dict[str, list[str]] = {}
        self._cyclic: dict[str, bool] = {}
        self._flat: dict[str, Json] = {}
        self._weights: dict[str, int] = {}
        self._nodes = 0

    def convert(self, schema: Json, base: str) -> Json:
        """The schema as JSON Schema. Raises `UnusableError`; a broken reference is only reported by `close`."""
        self._nodes = 0
        result = self._convert(schema, base, 0)
        while self._waiting:  # a queue: chains of references may be longer than Python's stack
            name, ref, place, plain = self._waiting.pop()
            try:
                self._nodes = 0
                self.defs[name] = self._convert(*self.documents.lookup(ref, place), 0, plain)
            except UnusableError as error:
                self._broken[name] = str(error)
                self.defs[name] = {}
        return result

    def close(self, schema: dict[str, Json]) -> dict[str, Json]:
        """The schema with all that it refers to inside it; recursive parts are in `$defs`.

        If it would grow larger than `LARGEST`, `$defs` holds all that is referred to, as far as there is room.
        Raises `UnusableError` if a reference in it leads nowhere.
        """
        reachable = self._reachable(schema)
        for name in reachable:
            if name in self._broken:
                raise UnusableError(self._broken[name])
            self._refuse_empty_circle(name)
        recursive = [name for name in reachable if self._is_recursive(name)]
        try:
            large = self._weight(schema) + sum(self._weight(self.defs[name]) for name in recursive) > LARGEST
            if not large:
                defs = {name: self._inline(self.defs[name]) for name in recursive}
                result: dict[str, Json] = self._inline(schema)
                return {**result, "$defs": defs} if defs else result
        except RecursionError:
            pass
        return {**schema, "$defs": self._nearest_definitions(schema)}

    def _nearest_definitions(self, schema: dict[str, Json]) -> dict[str, Json]:
        """The definitions for which there is room, the nearest first; of the others only the names."""
        room = LARGEST - len(json.dumps(schema, default=str))
        kept: dict[str, Json] = {}
        waiting = deque(references(schema))
        while waiting:
            name = waiting.popleft()
            if name in kept:
                continue
            room -= len(json.dumps(self.defs[name], default=str))
            kept[name] = self.defs[name] if room > 0 else {"description": f"{name}, not described further."}
            waiting += self._direct_references(name) if room > 0 else ()
        return kept

    def look_through(self, schema: Json) -> Json:
        """The schema, or the target if it is a reference with only annotations."""
        for _ in range(len(self.defs) + 1):
            if not isinstance(schema, Mapping) or not str(schema.get("$ref", "")).startswith(PREFIX):
                return schema
            annotations = {key: value for key, value in schema.items() if key != "$ref"}
            if not annotations.keys() <= ANNOTATIONS:
                return schema
            target = self.defs[referenced_name(schema)]
            schema = {**target, **annotations} if isinstance(target, Mapping) else target
        return {}

    def _convert(self, schema: Json, base: str, depth: int, plain: bool = False) -> Json:
        """The converted schema; `plain`: as those that extend it see it, without what extends it."""
        self._nodes += 1
        if self._nodes > MOST_NODES or depth > DEEPEST:
            raise UnusableError("a schema is too large, or holds itself other than by `$ref`")
        if isinstance(schema, bool):
            return schema
        if schema is None:  # an empty line in YAML
            return {}
        if not isinstance(schema, Mapping):
            raise NoSchemaError(describe_content(schema))
        schema = self._variants.without(schema) if plain else self._variants.spell_out(schema, base)
        out = {key: schema[key] for key in schema if key in PLAIN}
        if isinstance(schema.get("$ref"), str):
            out = {"$ref": PREFIX + self._name_reference(schema["$ref"], base, plain), **out}
        for key in NAMED:
            if isinstance(schema.get(key), Mapping):
                out[key] = {
                    name: self._convert_part(f"{key}.{name}", part, base, depth)
                    for name, part in self._sent_parts(key, schema[key], base)
                }
        for key in ONE:
            if isinstance(schema.get(key), Mapping | bool):
                out[key] = self._convert_part(key, schema[key], base, depth)
        for key in SEVERAL:
            if isinstance(schema.get(key), list):
                out[key] = [
                    self._convert_part(
                        f"{key}.{at}", part, base, depth, key == "allOf" and self._variants.is_parent(part, base)
                    )
                    for at, part in enumerate(schema[key])
                ]
        if isinstance(schema.get("required"), list):
            gone = {n for n in schema.get("properties") or {} if n not in out.get("properties", {})}
            if required := [name for name in schema["required"] if name not in gone]:
                out["required"] = required
        return adapt(out, schema)

    def _convert_part(self, place: str, part: Json, base: str, depth: int, plain: bool = False) -> Json:
        try:
            return self._convert(part, base, depth + 1, plain)
        except NoSchemaError as fault:
            raise NoSchemaError(fault.found, (place, *fault.path)) from None

    def _sent_parts(self, key: str, parts: Mapping[str, Json], base: str) -> list[tuple[str, Json]]:
        return [(n, part) for n, part in parts.items() if key != "properties" or not self._is_read_only(part, base)]

    def _is_read_only(self, schema: Json, base: str) -> bool:
        try:
            return isinstance(schema, Mapping) and (
                schema.get("readOnly") is True or self.documents.resolve(schema, base)[0].get("readOnly") is True
            )
        except UnusableError:
            return False

    def _name_reference(self, ref: str, base: str, plain: bool) -> str:
        target = join_reference(base, ref), plain
        if target not in self._names:
            stem = re.sub(r"[^A-Za-z0-9_.-]", "_", ref.rpartition("/")[2]).strip("_") or "schema"
            name, number = stem, 1
            while name in self.defs:
                number += 1
                name = f"{stem}_{number}"
            self._names[target] = name
            self.defs[name] = {}
            self._waiting.append((name, ref, base, plain))
        return self._names[target]

    def _reachable(self, schema: Json) -> list[str]:
        found = dict.fromkeys(references(schema))
        waiting = list(found)
        while waiting:
            for name in self._direct_references(waiting.pop()):
                if name not in found:
                    found[name] = None
                    waiting.append(name)
        return list(found)

    def _direct_references(self, name: str) -> list[str]:
        if name not in self._edges:
            self._edges[name] = references(self.defs[name])
        return self._edges[name]

    def _is_recursive(self, name: str) -> bool:
        if name not in self._cyclic:
            self._cyclic[name] = name in self._reachable(self.defs[name])
        return self._cyclic[name]

    def _refuse_empty_circle(self, name: str) -> None:
        start, seen = name, {name}
        while isinstance(self.defs[name], Mapping) and "$ref" in self.defs[name]:
            name = referenced_name(self.defs[name])
            if name in seen:
                raise UnusableError(f"the schema `{start}` is nothing but a reference to itself")
            seen.add(name)

    def _weight(self, schema: Json) -> int:
        return len(json.dumps(schema, default=str)) + sum(
            self._definition_weight(name) for name in references(schema) if not self._is_recursive(name)
        )

    def _definition_weight(self, name: str) -> int:
        if name not in self._weights:
            self._weights[name] = self._weight(self.defs[name])
        return self._weights[name]

    def _inline(self, schema: Json) -> Json:
        if isinstance(schema, list):
            return [self._inline(part) for part in schema]
        if not isinstance(schema, dict):
            return schema
        out: dict[str, Json] = {}
        for key, part in schema.items():
            if key in NAMED:
                out[key] = {name: self._inline(inner) for name, inner in part.items()}
            else:
                out[key] = self._inline(part) if key in ONE or key in SEVERAL else part
        if "$ref" not in out or self._is_recursive(referenced_name(out)):
            return out
        name = referenced_name(out)
        del out["$ref"]
        if name not in self._flat:
            self._flat[name] = self._inline(self.defs[name])
        target = self._flat[name]
        if isinstance(target, Mapping) and out.keys() <= ANNOTATIONS:
            return {**target, **out} if out else target
        return {"allOf": [target], **out}


def referenced_name(schema: Mapping[str, Json]) -> str:
    """The name in `$defs` that the schema refers to."""
    return str(schema["$ref"]).removeprefix(PREFIX)


def references(schema: Json) -> list[str]:
    """The names in `$defs` that a converted schema mentions."""
    found: list[str] = []
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            continue
        if "$ref" in node:
            found.append(referenced_name(node))
        for key in NAMED:
            waiting += node.get(key, {}).values()
        for key in SEVERAL:
            waiting += node.get(key, [])
        waiting += [node[key] for key in ONE if key in node]
    return found
