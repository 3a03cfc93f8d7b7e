"""The names of an object that a schema describes, by all of its parts: what `unevaluatedProperties` leaves alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from referencing.exceptions import Unresolvable
from referencing.jsonschema import lookup_recursive_ref

from ste_graph.contracts import Json


class CheckAllowance(Protocol):
    """The work that a check may still do."""

    def spend(self, steps: int = 1) -> None: ...

    def is_match(self, pattern: str, text: str) -> bool: ...


def find_evaluated(validator: Any, instance: Mapping[str, Json], schema: Json, limits: CheckAllowance) -> set[str]:
    """The names that a schema describes by anything but its own `unevaluatedProperties`.

    `validator` is that of the schema. `jsonschema` finds the same, with patterns that have no limit.
    """
    return _Finder(instance, limits).find(validator, schema, inner=False)


class _Finder:
    """The search in one object; a schema that leads back to itself is looked at once."""

    def __init__(self, instance: Mapping[str, Json], limits: CheckAllowance) -> None:
        self._instance = instance
        self._limits = limits
        self._seen: set[int] = set()

    def find(self, validator: Any, schema: Json, *, inner: bool = True) -> set[str]:
        if not isinstance(schema, Mapping) or id(schema) in self._seen:
            return set()
        self._seen.add(id(schema))
        self._limits.spend()
        closing = ("additionalProperties", "unevaluatedProperties") if inner else ("additionalProperties",)
        if any(keyword in schema for keyword in closing):
            return set(self._instance)  # it says something of all names; what is wrong with one is a fault of its own
        found = {name for name in schema.get("properties", {}) if name in self._instance}
        for pattern in schema.get("patternProperties", {}):
            self._limits.spend(len(self._instance))
            found |= {name for name in self._instance if self._limits.is_match(pattern, name)}
        for part in self._list_parts(validator, schema):
            found |= self.find(validator, part)
        return found | self._follow(validator, schema)

    def _list_parts(self, validator: Any, schema: Mapping[str, Any]) -> Iterator[Json]:
        """The parts of the schema that hold for the object."""
        for name, part in schema.get("dependentSchemas", {}).items():
            if name in self._instance:
                yield part
        yield from schema.get("allOf", ())  # where one does not fit, that is a fault of its own
        for keyword in ("anyOf", "oneOf"):
            yield from (part for part in schema.get(keyword, ()) if self._fits(validator, part))
        if "if" in schema:
            fits = self._fits(validator, schema["if"])
            yield schema["if"] if fits else {}
            yield schema.get("then" if fits else "else", {})

    def _fits(self, validator: Any, schema: Json) -> bool:
        return next(validator.descend(self._instance, schema), None) is None

    def _follow(self, validator: Any, schema: Mapping[str, Any]) -> set[str]:
        """The names described by what the schema refers to; all, where that cannot be had."""
        found: set[str] = set()
        resolver = validator._resolver
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if keyword not in schema:
                continue
            try:
                is_recursive = keyword == "$recursiveRef"
                target = lookup_recursive_ref(resolver) if is_recursive else resolver.lookup(schema[keyword])
            except (Unresolvable, AttributeError, TypeError):
                return set(self._instance)
            inside = validator.evolve(schema=target.contents, _resolver=target.resolver)
            found |= self.find(inside, target.contents)
        return found
