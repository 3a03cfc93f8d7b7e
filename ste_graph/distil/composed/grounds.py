"""The texts that may state a part of a composed value: the request, the results of earlier calls, and descriptions."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from ste_graph.distil.composed.composition import Atom
from ste_graph.distil.reading.normalisation import flatten, identifier_words, words
from ste_graph.distil.reading.request import Request, parse_request
from ste_graph.distil.reading.roles import Parameters
from ste_graph.text import singular

_DECLARED = re.compile(r"(?P<table>\w+) ?\((?P<columns>[\w ,]+)\)|\"(?P<key>\w+)\" ?:")


@dataclass(frozen=True)
class Grounds:
    """The texts that may state a part: the request, the results of earlier calls, and the tool's own description."""

    request: Request
    parameters: Parameters
    observations: Sequence[str]
    description: str
    documents: Sequence[str] = ()
    """The JSON texts that the request has for other parameters: their content is not asked for."""

    @cached_property
    def _outside(self) -> Request:
        """The request without its documents."""
        text = self.request.cased
        for document in self.documents:
            text = text.replace(flatten(document), " ")
        return parse_request(text)

    @cached_property
    def _asked(self) -> frozenset[str]:
        return frozenset(map(singular, words(self._outside.plain).split()))

    @cached_property
    def _seen(self) -> frozenset[str]:
        return frozenset(map(singular, identifier_words("\n".join([*self.observations, *self.documents]))))

    @cached_property
    def _told(self) -> frozenset[str]:
        return frozenset(map(singular, identifier_words(self.description)))

    @cached_property
    def _declared(self) -> frozenset[str]:
        """The names that the descriptions and results declare as such, and the request has."""
        known = "\n".join([self.description, *self.observations])
        names = [name for found in _DECLARED.findall(known) for part in found for name in part.split(",")]
        return frozenset(singular(name.strip().lower()) for name in names if name.strip()) & self._asked

    def knows(self, atom: Atom) -> bool:
        """True if a name of a form is one that the request, a result, or where it may the description has."""
        parts = {*map(singular, identifier_words(str(atom.value)))}
        if self._implies(parts):
            return True
        known = self._seen | (self._told if atom.is_declared else frozenset())
        return self.has_asked(atom) or (bool(parts) and all(part in known for part in parts))

    def _implies(self, parts: Collection[str]) -> bool:
        """True if the request implies a name by what it says: `call it`, a time of day, a day."""
        called = bool(self._asked & {"call", "called", "title", "titled"})
        implied = {"name": called, "time": bool(self.request.times), "date": bool(self.request.days)}
        return len(parts) == 1 and implied.get(next(iter(parts)), False)

    def has_asked(self, atom: Atom) -> bool:
        """True if the request itself has a name."""
        parts = identifier_words(str(atom.value))
        if any(self._outside.find_words(" ".join(parts))):
            return True
        return all(any(self._outside.find_words(part)) or self._is_like(singular(part)) for part in parts)

    def overlooks(self, names: Sequence[Atom]) -> bool:
        """True if a form has a name that the request does not say, and not a declared one that it does say."""
        used = {
            singular(part) for atom in names for part in [str(atom.value).lower(), *identifier_words(str(atom.value))]
        }
        return bool(self._declared - used) and not all(map(self.has_asked, names))

    def _is_like(self, part: str) -> bool:
        """True if the request has the word in another form: `created` for `create`, `rename` for `name`."""
        stem = part.removesuffix("ed").removesuffix("e")
        if f"re{part}" in self._asked:
            return True
        return len(stem) > 3 and any(
            word != part and word.startswith(stem) and len(word) < len(stem) + 4 for word in self._asked
        )
