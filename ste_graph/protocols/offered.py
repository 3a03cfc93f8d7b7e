"""The tools on offer, found by their names as models write them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from ste_graph.contracts import Json

Schema = Mapping[str, Json]
_NO_SCHEMA: Final[Schema] = MappingProxyType({})


class OfferedTools:
    """The tools that a reply may call, with the JSON Schema of their arguments where it is known.

    Without names (None), nothing is known of the tools, and every name counts.
    """

    def __init__(self, tools: Mapping[str, Schema] | Collection[str] | None) -> None:
        self._tools = tools
        self._spellings = _spellings(tuple(tools)) if tools is not None else {}

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names, in their order; None if they are not known."""
        return None if self._tools is None else tuple(self._tools)

    def find(self, written: str) -> str | None:
        """The name of the tool that is meant: the exact one, else the only one that differs in decoration or case."""
        if self._tools is None:
            return clean_name(written) or None
        if written in self._tools:
            return written
        name = clean_name(written)
        return name if name in self._tools else self._spellings.get(_spelling(name))

    def parameters(self, name: str) -> tuple[str, ...] | None:
        """The parameters of a tool in their order; None if they are not known."""
        properties = self.schema(name).get("properties")
        return tuple(properties) if isinstance(properties, Mapping) else None

    def schema(self, name: str) -> Schema:
        """The JSON Schema of a tool's arguments; empty if it is not known."""
        return self._tools.get(name, _NO_SCHEMA) if isinstance(self._tools, Mapping) else _NO_SCHEMA

    def is_named_in(self, text: str) -> bool:
        """True if the text may name a tool: a quick test that spares the search for a call."""
        if self._tools is None:
            return True
        spelt = _spelling(text)
        return any(spelling in spelt for spelling in self._spellings)


def clean_name(written: str) -> str:
    """A name without its decoration: quotes, brackets, escapes, a namespace, and tokens of a chat template."""
    name = _INVISIBLE.sub("", written).partition("<|")[0].replace("\\_", "_").strip(_EDGES)
    called = _CALLED.match(name)  # `search()`, `search(query)`: a name with its brackets
    if called:
        name = called[1]
    for opening, closing in ("()", "[]", "<>"):
        if name.startswith(opening) and name.endswith(closing):
            name = name[1:-1]
    return _NAMESPACE.sub("", name.strip(_EDGES))


@lru_cache(maxsize=1024)  # the replies of a unit share their tools
def _spellings(names: tuple[str, ...]) -> Mapping[str, str | None]:
    """The name for each spelling; None where two tools share it."""
    found: dict[str, str | None] = {}
    for name in names:
        spelling = _spelling(name)
        found[spelling] = None if spelling in found else name
    return found


def _spelling(text: str) -> str:
    return _GAP.sub("_", _INVISIBLE.sub("", text).replace("\\", "").casefold())


_EDGES = " \t\r\n\"'`*.,;:"
_CALLED = re.compile(r"([^\s()]++)\([^()]*+\)?\Z")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_GAP = re.compile(r"[\s_-]++")
_NAMESPACE = re.compile(r"\A(?:functions?|tools?|default_api|API_name)[.:]\s*+(?=[^\s])|:\d++\Z", re.IGNORECASE)
