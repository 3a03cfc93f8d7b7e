"""Variants of a schema, told apart as OpenAPI does: by `discriminator`, among options or what extends a schema."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from ste_graph.contracts import Json
from ste_graph.tools.openapi.document import Documents, UnusableError, join_reference

MOST_CHILDREN = 200
"""Schemas that extend one; a description with more is not spelled out further."""


class Variants:
    """The variants in the schemas of a spec, in the words of JSON Schema."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def spell_out(self, schema: Mapping[str, Any], base: str) -> Mapping[str, Any]:
        """The schema without `discriminator`: its options tell themselves apart, or it has the members of its children.

        What is valid by two options of a `oneOf` passes: descriptions seldom mean that it must not.
        """
        name = discriminating_name(schema)
        options = next((schema[key] for key in ("oneOf", "anyOf") if isinstance(schema.get(key), list)), None)
        if options is None:
            return self._with_children(schema, base, name) if name else schema
        if name:
            options = [self._tag_option(option, base, name, schema["discriminator"]) for option in options]
        rest = {key: value for key, value in schema.items() if key not in ("oneOf", "discriminator")}
        if "oneOf" in schema and "anyOf" in schema:
            parts = rest["allOf"] if isinstance(rest.get("allOf"), list) else []
            return {**rest, "allOf": [*parts, {"anyOf": options}]}
        return {**rest, "anyOf": options}

    def without(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema without what extends it, as those that extend it refer to it."""
        if not discriminating_name(schema):
            return schema
        return {key: value for key, value in schema.items() if key not in ("oneOf", "anyOf", "discriminator")}

    def is_parent(self, schema: Json, base: str) -> bool:
        """True if the schema is a reference to one that a discriminator tells apart from those that extend it."""
        try:
            return isinstance(schema, Mapping) and bool(discriminating_name(self._documents.resolve(schema, base)[0]))
        except UnusableError:
            return False

    def _tag_option(self, option: Json, base: str, name: str, discriminator: Json) -> Json:
        """The option, with the values of the discriminating member that stand for it."""
        if not isinstance(option, Mapping) or not isinstance(option.get("$ref"), str) or "properties" in option:
            return option
        values = self._values(option["$ref"], base, name, discriminator)
        if not values:
            return option
        tag = {"const": values[0]} if len(values) == 1 else {"enum": values}
        return {**option, "properties": {name: tag}, "required": [name]}

    def _values(self, ref: str, base: str, name: str, discriminator: Json) -> list[str]:
        """The values that stand for a schema; empty if the schema states them itself."""
        mapping = discriminator.get("mapping") if isinstance(discriminator, Mapping) else None
        address = join_reference(base, ref)
        stated = [
            str(value)
            for value, target in (mapping.items() if isinstance(mapping, Mapping) else ())
            if isinstance(target, str) and address in _possible_targets(base, target)
        ]
        if stated:
            return stated
        own = ref.rpartition("/")[2]
        for part in self._parts(ref, base):
            if isinstance(part.get("x-ms-discriminator-value"), str):
                own = part["x-ms-discriminator-value"]
            member = part.get("properties", {}).get(name)
            if isinstance(member, Mapping) and member.keys() & {"const", "enum"}:
                return []
        return [own]

    def _with_children(self, schema: Mapping[str, Any], base: str, name: str) -> Mapping[str, Any]:
        """The schema with the members of all that extend it: which of them are needed depends on the discriminator."""
        stated = schema.get("properties")
        own: Mapping[str, Json] = stated if isinstance(stated, Mapping) else {}
        members: dict[str, list[Json]] = {}
        values: list[str] = []
        for ref in self._find_children(schema, base):
            values += self._values(ref, base, name, schema["discriminator"])
            for part in self._parts(ref, base):
                for key, member in part.get("properties", {}).items():
                    if key not in own and member not in members.setdefault(key, []):
                        members[key].append(member)
        found = {key: kinds[0] if len(kinds) == 1 else {"anyOf": kinds} for key, kinds in members.items()}
        properties = {**own, **found}
        tag = properties.get(name, {"type": "string"})
        if values and isinstance(tag, Mapping) and not tag.keys() & {"const", "enum", "$ref", "examples", "example"}:
            properties[name] = {**tag, "examples": list(dict.fromkeys(values))}
        return {**{key: value for key, value in schema.items() if key != "discriminator"}, "properties": properties}

    def _parts(self, ref: str, base: str) -> Iterator[Mapping[str, Any]]:
        """A schema and all that it is composed of, except what a discriminator tells it apart from."""
        waiting, seen = [{"$ref": ref}], 0
        while waiting and seen < MOST_CHILDREN:
            seen += 1
            try:
                part, place = self._documents.resolve(waiting.pop(), base)
            except UnusableError:
                continue
            if place != base or (seen > 1 and discriminating_name(part)):
                continue
            yield part if isinstance(part.get("properties"), Mapping) else {**part, "properties": {}}
            waiting += part["allOf"] if isinstance(part.get("allOf"), list) else []

    def _find_children(self, schema: Mapping[str, Any], base: str) -> list[str]:
        """References to the schemas that extend this one, directly or not."""
        found = (
            [ref for ref, node in self._components.items() if node is schema] if base == self._documents.root else []
        )
        for ref in found:
            found += [child for child in self._children.get(ref, ()) if child not in found]
        return found[1 : MOST_CHILDREN + 1]

    @cached_property
    def _components(self) -> dict[str, Json]:
        spec = self._documents.spec
        components = spec.get("components")
        places = {
            "#/components/schemas/": components.get("schemas") if isinstance(components, Mapping) else None,
            "#/definitions/": spec.get("definitions"),
        }
        return {
            f"{prefix}{name.replace('~', '~0').replace('/', '~1')}": node
            for prefix, nodes in places.items()
            for name, node in (nodes.items() if isinstance(nodes, Mapping) else ())
        }

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for ref, node in self._components.items():
            parts = node.get("allOf") if isinstance(node, Mapping) else None
            for part in parts if isinstance(parts, list) else ():
                if isinstance(part, Mapping) and isinstance(part.get("$ref"), str):
                    found.setdefault(part["$ref"], []).append(ref)
        return found


def discriminating_name(schema: Mapping[str, Any]) -> str:
    """The member that tells variants apart; empty if none does. In Swagger 2.0 `discriminator` is just its name."""
    stated = schema.get("discriminator")
    name = stated.get("propertyName") if isinstance(stated, Mapping) else stated
    return name if isinstance(name, str) else ""


def _possible_targets(base: str, target: str) -> Iterator[str]:
    """The addresses that an entry of a mapping may mean: a reference, or a component by its bare name."""
    for ref in (target, f"#/components/schemas/{target}"):
        with contextlib.suppress(UnusableError):
            yield join_reference(base, ref)
