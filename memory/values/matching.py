"""The parameters of a tool that a value from elsewhere fits, by name, description and schema."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ste_graph.contracts import Json
from ste_graph.memory.values.fields import SHORTEST_WORD, FieldValue, Scalar
from ste_graph.text import singular, word_set
from ste_graph.tools.arguments import ArgumentChecker
from ste_graph.tools.verbs import DETERMINERS, READING, split_words

IDENTIFIERS = word_set("email guid handle id isbn sku slug username uuid")
"""Names, or last words of names, of values that somebody must have given: they cannot be made up."""

OWNED = word_set("guid handle id slug uuid")
"""Identifiers whose names do not say what they identify: the `id` of a customer is not that of an order."""


SEARCHING = word_set("find finds lookup queries query search searches")
"""Words in the names of tools that find things by what is written of them."""

SEARCHED = word_set("keyword needle phrase q query search term text word")
"""Names of parameters, in the singular, that take any word to search for."""

UNSEARCHED = DETERMINERS | word_set("and are for from not per with")
"""Words that occur everywhere."""


@dataclass(frozen=True)
class ToolParameter:
    """One parameter of a tool, with the tool as plain data (`name`, `description`, `parameters`)."""

    tool: Mapping[str, Json]
    name: str

    @property
    def schema(self) -> Mapping[str, Json]:
        """The parameter's JSON Schema."""
        schema = self.tool["parameters"].get("properties", {}).get(self.name)
        return schema if isinstance(schema, Mapping) else {}

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words of its name, in the singular."""
        return tuple(map(singular, split_words(self.name)))

    @property
    def is_identifier(self) -> bool:
        """True if its values name something that exists, so that none can be made up."""
        schema = self.schema
        if "enum" in schema or "const" in schema or schema.get("type") == "boolean":
            return False
        return (bool(self.words) and self.words[-1] in IDENTIFIERS) or schema.get("format") in ("uuid", "email")

    @property
    def is_searched_by(self) -> bool:
        """True if it is a text by which the tool searches for things whose kind its name tells."""
        schema = self.schema
        if schema.get("type", "string") != "string" or schema.keys() & {"enum", "const", "format"}:
            return False
        return not SEARCHING.isdisjoint(split_words(self.tool["name"])) and bool(self._object and self.words)

    @property
    def takes_any_word(self) -> bool:
        """True if it is searched by, and its name does not say in which field."""
        return self.is_searched_by and self.words[-1] in SEARCHED

    @property
    def is_required(self) -> bool:
        """True if a call must give it."""
        return self.name in self.tool["parameters"].get("required", ())

    @property
    def examples(self) -> list[Scalar]:
        """The values that the tool's own definition gives as examples."""
        found = self.schema.get("examples") or [self.schema.get("example")]
        return [value for value in found if isinstance(value, (str, int, float)) and not isinstance(value, bool)]

    def accepts(self, value: Scalar) -> bool:
        """True if the schema allows the value."""
        return self._checker.problem({self.name: value}) is None

    def match(self, field: FieldValue) -> int:
        """The fit of the value: 2 for the same thing by name, 1 for the same field of something unknown, 0 for none.

        `order_id` is the `id` of an `order`; `id` of `get_order` is that too.
        """
        own = self.words
        if not own:
            return 0
        if field.words == own or field.words == (*self._object, *own):
            return 2
        if len(own) > 1 and field.words[-len(own) :] == own:
            return 2
        if field.words[-1:] != own[-1:]:
            return 0
        owner = field.words[:-1]
        if owner and len(own) == 1 and self._mentions(owner):
            return 2
        return 1 if len(own) == 1 and own[0] not in OWNED else 0

    def may_be_of(self, field: FieldValue) -> bool:
        """True if the value is such an identifier, and only the description could say whether of the right thing."""
        own = self.words
        return len(own) == 1 and own[0] in OWNED and len(field.words) > 1 and field.words[-1] == own[0]

    def is_told_of(self, owner: str) -> bool:
        """True if the description of the tool, or of the parameter, speaks of this thing."""
        description = f"{self.tool.get('description') or ''} {self.schema.get('description') or ''}"
        return owner in map(singular, split_words(description))

    def match_text(self, field: FieldValue) -> int:
        """The likelihood that the tool finds something by the words of a text.

        2: it belongs to what is searched for; 1: a tool whose description speaks of that gave it; 0: neither.
        """
        if field.words[-1:] and field.words[-1] in IDENTIFIERS:
            return 0
        kinds = set(self._object)
        return 2 if kinds & set(field.words[:-1]) else 1 if kinds & set(field.about) else 0

    def _mentions(self, owner: Sequence[str]) -> bool:
        """True if the parameter's description, or the tool's name, has these words."""
        described = {singular(word) for word in split_words(str(self.schema.get("description", "")))}
        return set(owner) <= described | set(self._object)

    @cached_property
    def _object(self) -> tuple[str, ...]:
        words = [singular(word) for word in split_words(self.tool["name"])]
        return tuple(word for word in words if word not in READING)

    @cached_property
    def _checker(self) -> ArgumentChecker:
        definitions = {key: value for key, value in self.tool["parameters"].items() if key in ("$defs", "definitions")}
        return ArgumentChecker(self.tool["name"], {"properties": {self.name: dict(self.schema)}, **definitions})


def words_of(field: FieldValue) -> list[str]:
    """The words of a text that one may search for."""
    if not isinstance(field.value, str):
        return []
    words = re.findall(rf"[^\W\d_]{{{SHORTEST_WORD},}}", field.value)
    return [word for word in words if word.lower() not in UNSEARCHED]


def list_parameters(tool: Mapping[str, Json]) -> list[ToolParameter]:
    """The parameters of a tool, in order."""
    return [ToolParameter(tool, name) for name in tool["parameters"].get("properties", {})]
