"""Composed values against a request: taken apart until each part is stated, and what the forms themselves say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ste_graph.contracts import Json
from ste_graph.distil.composed.composition import (
    LONGEST,
    Atom,
    Composition,
    decompose_json,
    decompose_json_path,
    decompose_list,
    decompose_path,
    decompose_quantity,
    decompose_span,
    decompose_time,
    decompose_url,
    is_span,
)
from ste_graph.distil.composed.grounds import Grounds
from ste_graph.distil.composed.statements import (
    decompose_condition,
    decompose_search,
    decompose_sort,
    decompose_statement,
)
from ste_graph.distil.composed.sums import contradicts_words, decompose_sum, is_turned
from ste_graph.distil.leaves import Leaf
from ste_graph.distil.reading.modifiers import allows
from ste_graph.distil.reading.normalisation import flatten, identifier_words, lower
from ste_graph.distil.reading.places import find_places, states_value
from ste_graph.distil.reading.request import Request, TextSpan
from ste_graph.distil.reading.roles import Parameters, find_label
from ste_graph.text import word_set

_FREE_TEXT = word_set("text message content body note comment sentence phrase string input title name summary label")
_DEPTH = 5
_MOST_PARTS = 80
_ORDERS = {
    "desc": r"descending|newest|latest|most|highest|largest|biggest|longest|recent|top|best|heaviest|priciest|last",
    "asc": r"ascending|oldest|earliest|least|lowest|smallest|cheapest|shortest|fewest|worst|lightest|alphabetic\w*",
}
_VERBS = {
    "delete": r"delet\w+|remov\w+|drop\w*|cancel\w*|eras\w+|purg\w+|clear\w*|get rid",
    "drop": r"drop\w*|delet\w+|remov\w+",
    "update": r"updat\w+|set|chang\w+|renam\w+|mark\w*|put|increas\w+|rais\w+|lower\w*|correct\w*|mov\w+|replac\w+"
    r"|assign\w*",
    "insert": r"insert\w*|add\w*|creat\w+|register\w*|new|record\w*|stor\w+|sav\w+|enter\w*|log",
    "create": r"creat\w+|make|new|add\w*", "alter": r"alter\w*|chang\w+|add\w*|renam\w+|drop\w*",
    "replace": r"replac\w+|updat\w+",
}  # fmt: skip
_SINGLE = re.compile(r"\b(?:\w+est|most|least|first|last|top|best|worst|one|an?|which single)\b")


@dataclass
class Composed:
    """A composed value with its parts: `leaves` are the values, in order, each with what its form says of it."""

    leaf: Leaf
    leaves: list[Leaf] = field(default_factory=list)
    atoms: list[Atom] = field(default_factory=list)
    ordered: list[tuple[int, int]] = field(default_factory=list)
    differences: list[tuple[int, int]] = field(default_factory=list)
    missing: str | None = None
    """A part that nothing states, or what the form says against the request; None without one."""
    is_sum: bool = False


def take_apart(leaf: Leaf, grounds: Grounds) -> Composed | None:
    """A value that is composed, in parts; None for one that is plain, or is stated as it is."""
    free = {*identifier_words(leaf.parameter)} & _FREE_TEXT
    if not isinstance(leaf.value, str) or "enum" in leaf.schema or not 1 < len(leaf.value) <= LONGEST:
        return None
    is_json = leaf.value.lstrip().startswith(("{", "["))
    if free and not is_json:
        return None
    plain = replace(grounds, observations=())
    if not is_json and _find_stated(Atom(leaf.value), leaf.path, leaf.schema, plain) is not None:
        return None
    texts = [grounds.request.cased, *grounds.observations]
    if any(lower(flatten(leaf.value)) in lower(flatten(text)) for text in (texts if is_json else texts[1:])):
        return None
    return _Taking(leaf, grounds).choose(Atom(leaf.value.strip()), 0)


@dataclass
class _Taking:
    leaf: Leaf
    grounds: Grounds
    left: int = 100
    """The forms that may still be tried: a long path has many."""

    def choose(self, whole: Atom, depth: int) -> Composed | None:
        """The first form of a value of which nothing is missing, else the first."""
        first: Composed | None = None
        for composition in _forms(whole, self.leaf, depth):
            if self.left <= 0 or len(composition.atoms) > _MOST_PARTS:
                break
            self.left -= 1
            found = self._fill(composition, whole, depth)
            if found.missing is None:
                return found
            first = first or found
        return first

    def _fill(self, composition: Composition, whole: Atom, depth: int) -> Composed:
        found = Composed(self.leaf, is_sum=composition.form == "sum")
        names = [atom for atom in composition.atoms if atom.is_name]
        places: dict[int, int] = {}
        for place, atom in enumerate(composition.atoms):
            if atom.is_name:
                found.missing = None if self.grounds.knows(atom) else str(atom.value)
            elif not self._is_implied(atom, found):
                self._add(_inherit(atom, whole), found, places, place, depth)
            if found.missing is not None:
                return found
        for pairs, kept in ((composition.ordered, found.ordered), (composition.differences, found.differences)):
            kept += [(places[a], places[b]) for a, b in pairs if a in places and b in places]
        found.missing = self._contradiction(composition, names, found)
        return found

    def _is_implied(self, atom: Atom, found: Composed) -> bool:
        """True if the words of a request imply a number without stating it: one of the best, the 100 of percent."""
        plain = self.grounds.request.plain
        if atom.label == "limit" and atom.value == "1":
            return _SINGLE.search(plain) is not None
        return found.is_sum and atom.value == "100" and re.search(r"%|per ?cent", plain) is not None

    def _add(self, atom: Atom, found: Composed, places: dict[int, int], place: int, depth: int) -> None:
        """Adds a part to what was found, or what it is composed of itself."""
        path = (*self.leaf.path, f"not {atom.label}" if atom.is_negated else atom.label or self.leaf.parameter)
        for value in (atom.value, *atom.alternatives):
            stated = _find_stated(atom._replace(value=value), path, {}, self.grounds)
            if stated is not None:
                if found.is_sum or stated not in found.leaves:
                    places[place] = len(found.leaves)
                    found.leaves.append(stated)
                    found.atoms.append(atom)
                return
        inner = self.choose(atom, depth + 1) if isinstance(atom.value, str) and depth < _DEPTH else None
        if inner is None or inner.missing is not None:
            found.missing = (inner.missing if inner else None) or str(atom.value)
            return
        start = len(found.leaves)
        found.leaves += inner.leaves
        found.atoms += inner.atoms
        found.ordered += [(start + a, start + b) for a, b in inner.ordered]

    def _contradiction(self, composition: Composition, names: Sequence[Atom], found: Composed) -> str | None:
        """The part of a form's own content that contradicts the request, if any."""
        plain = self.grounds.request.plain
        if not found.leaves and not names:
            return "nothing of the request"
        if composition.form == "sum":
            return "its operations" if contradicts_words(composition.operators, plain) else None
        for operator in composition.operators:
            if operator in _VERBS and not re.search(rf"\b(?:{_VERBS[operator]})\b", plain):
                return operator
        made = {*composition.operators} & {*_ORDERS}
        asked = {way for way, words in _ORDERS.items() if re.search(rf"\b(?:{words})\b", plain)}
        if made and asked and not made & asked:
            return next(iter(made))
        if composition.form == "path into a document" and names and not self.grounds.has_asked(names[-1]):
            return str(names[-1].value)
        if not found.leaves and names and not any(map(self.grounds.has_asked, names)):
            return str(names[0].value)
        return "its names" if names and self.grounds.overlooks(names) else None


def keeps_order(composed: Composed, spans: Mapping[int, TextSpan], request: Request, parameters: Parameters) -> bool:
    """True if the values whose order counts occur in the request in this order; `spans` has their places by index.

    Those that the request labels, as in `longitude 18, latitude 59`, may occur in any.
    """
    labelled = {
        place
        for place, span in spans.items()
        if find_label(request, span, "number", parameters) == composed.leaves[place].parameter
    }
    pairs = [(second, first) if is_turned(request.plain) else (first, second) for first, second in composed.differences]
    for first, second in [*composed.ordered, *pairs]:
        if (
            first in spans
            and second in spans
            and not {first, second} <= labelled
            and spans[second].start < spans[first].start
        ):
            return False
    return True


def _inherit(atom: Atom, whole: Atom) -> Atom:
    """A part with what is known of the value that it is a part of."""
    return atom._replace(
        label=atom.label or whole.label,
        is_negated=atom.is_negated or whole.is_negated,
        direction=atom.direction or whole.direction,
    )


def _forms(whole: Atom, leaf: Leaf, depth: int) -> Iterator[Composition]:
    """Yields what a value may be; the edge of a year and `10M` within another form only."""
    value = str(whole.value)
    yield from decompose_json(value)
    yield from decompose_url(value)
    yield from decompose_statement(value)
    if is_span(value):
        yield from decompose_span(value)
        return
    yield from decompose_time(value, whole.direction) if depth else ()
    yield from decompose_sum(value)
    yield from decompose_sort(value)
    yield from decompose_condition(value)
    yield from decompose_search(value)
    yield from decompose_json_path(value)
    yield from decompose_list(value, {} if depth else leaf.schema, whole.label or leaf.parameter)
    yield from decompose_path(value)
    yield from decompose_quantity(value) if depth else ()


def _find_stated(atom: Atom, path: tuple[str | int, ...], schema: Mapping[str, Json], grounds: Grounds) -> Leaf | None:
    """The value as a leaf, if the request or a result states it in any way."""
    digit = isinstance(atom.value, str) and atom.value.isdecimal() and len(atom.value) == 1 and not schema
    leaf = Leaf(path, int(atom.value) if digit else atom.value, schema)
    if isinstance(atom.value, bool) or atom.value is None:
        return leaf
    spans = find_places(grounds.request, leaf, grounds.parameters)
    if any(allows(grounds.request, atom, span) for span in spans):
        return leaf
    return leaf if any(states_value(text, leaf) for text in grounds.observations) else None
