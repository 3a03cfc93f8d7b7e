"""Binding: the places of a request that hold a value, and the one place that each value of a call takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ste_graph.contracts import Json
from ste_graph.distil.leaves import Leaf
from ste_graph.distil.reading.choices import find_choice
from ste_graph.distil.reading.dates import parse_day
from ste_graph.distil.reading.normalisation import identifier_words, words
from ste_graph.distil.reading.places import find_places, is_item, kind_at
from ste_graph.distil.reading.request import Request, TextSpan
from ste_graph.distil.reading.roles import Parameters, find_label, find_unit_parameters, opposite, role_of
from ste_graph.json_values import equal
from ste_graph.text import word_set

_EXCLUDING = word_set("exclude excluded excluding without not avoid skip ignore omit except minus")
_NUMBERED = re.compile(
    r"\b(?:user|room|flight|bus|train|tram|bottle|shelf|page|chapter|question|server|gate|platform|seat|table|floor) $"
)
"""The things that have a number for their name: `room 12`."""
_BETWEEN = re.compile(r"\b(?:between|separat(?:e|es|ing))\b")
_PROSE = word_set("text message content body note comment sentence phrase string input document")
_SHARED = re.compile(r"\b(?:both|each|same)\b")


@dataclass(slots=True)
class BindingCandidate:
    """A value of a call with the places that it may take."""

    leaf: Leaf
    spans: list[TextSpan] = field(default_factory=list)
    is_open: bool = True
    """True if no word says which parameter the places belong to, so that their order must."""
    contradicted: bool = False
    """True if the request says of this parameter something else, or gives the value to another one of the pair."""


def find_candidates(request: Request, leaves: Sequence[Leaf], parameters: Parameters) -> list[BindingCandidate]:
    """The places of each value, less those that the request gives to another parameter or takes back."""
    raw = [list(find_places(request, leaf, parameters)) for leaf in leaves]
    texts = [span for leaf, spans in zip(leaves, raw, strict=True) if isinstance(leaf.value, str) for span in spans]
    names = request.find_any(parameters.labels.values())
    found = [
        _choose(request, leaf, [span for span in spans if _is_whole(request, leaf, span, texts, names)], parameters)
        for leaf, spans in zip(leaves, raw, strict=True)
    ]
    for first, second in _ordered_pairs(request, found, parameters):
        first.spans, second.spans = (
            [span for span in first.spans if any(span.start < other.start for other in second.spans)],
            [span for span in second.spans if any(other.start < span.start for other in first.spans)],
        )
        first.contradicted |= not first.spans
        second.contradicted |= not second.spans
    return found


def bind(request: Request, candidates: Sequence[BindingCandidate]) -> dict[int, TextSpan]:
    """The place that each value takes, by its index; each place serves one value, unless the request says `both`."""
    taken: dict[TextSpan, int] = {}
    for index in range(len(candidates)):
        taken = _place(index, candidates, taken, set()) or taken
    found = {index: span for span, index in taken.items()}
    if _SHARED.search(request.plain):
        found |= {i: c.spans[0] for i, c in enumerate(candidates) if c.spans and i not in found}
    return found


def _place(
    index: int, candidates: Sequence[BindingCandidate], taken: Mapping[TextSpan, int], tried: set[TextSpan]
) -> dict[TextSpan, int] | None:
    """The places taken once one more value has its own and others have moved as they must, or None if impossible."""
    for span in candidates[index].spans:
        if span in tried:
            continue
        tried.add(span)
        owners = {owner for other, owner in taken.items() if other.overlaps(span)}
        kept = {other: owner for other, owner in taken.items() if owner not in owners}
        left: dict[TextSpan, int] | None = kept | {span: index}
        for owner in owners:
            left = _place(owner, candidates, left, tried) if left is not None else None
        if left is not None:
            return left
    return None


def _is_whole(
    request: Request, leaf: Leaf, span: TextSpan, texts: Sequence[TextSpan], names: Sequence[TextSpan]
) -> bool:
    """True if a place is not part of a longer name or quoted text, and the request does not take it back.

    `texts` are the places of all texts of the call, `names` those of the names of parameters.
    """
    excluding = bool({*identifier_words(leaf.parameter)} & _EXCLUDING)
    if request.is_negated(span) and not excluding:
        return False
    if not isinstance(leaf.value, str) or "enum" in leaf.schema:
        return not any(quote.holds(span) and not _covers(request, quote, span) for quote in request.quotes)
    quote = next((quote for quote in request.quotes if quote.holds(span)), None)
    if quote is not None:
        return _covers(request, quote, span) or _are_covered(request, quote, texts)
    if {*identifier_words(leaf.parameter)} & _PROSE and " " in leaf.value.strip() and request.is_part_of_prose(span):
        return False
    return not request.is_part_of_name(span, [*names, *(other for other in texts if not other.overlaps(span))])


def _covers(request: Request, quote: TextSpan, span: TextSpan) -> bool:
    """True if a place is all of the words of a quoted text."""
    own = request.plain[span.start : span.end]
    return words(own) == words(request.plain[quote.start : quote.end])


def _are_covered(request: Request, quote: TextSpan, texts: Sequence[TextSpan]) -> bool:
    """True if the values of the call together are all of the words of a quoted text."""
    left = list(request.plain[quote.start : quote.end])
    for span in texts:
        if quote.holds(span):
            left[span.start - quote.start : span.end - quote.start] = " " * (span.end - span.start)
    return not words("".join(left)).strip()


def _choose(request: Request, leaf: Leaf, spans: list[TextSpan], parameters: Parameters) -> BindingCandidate:
    """The places that no word gives to another parameter; those with the parameter's own label before all others."""
    name = leaf.parameter
    if "enum" in leaf.schema and isinstance(leaf.value, str):
        none = find_choice(request, name, leaf.value, leaf.schema, parameters, several=is_item(leaf)) is None
        return BindingCandidate(leaf, spans, is_open=False, contradicted=none)
    own, free, wrong = [], [], False
    is_open, shared = True, _SHARED.search(request.plain) is not None
    for span in spans:
        kind = kind_at(request, span)
        label = find_label(request, span, kind, parameters)
        if label != name and label in leaf.path[:-1]:
            label = None  # the name of what holds the value
        if label == name:
            own += [] if kind == "text" and request.is_cut(span) else [span]
            continue
        units = find_unit_parameters(request, span, parameters) if kind == "number" else frozenset()
        if label is None and not units and "default" in leaf.schema and _NUMBERED.search(request.plain[: span.start]):
            continue
        if not shared and (label is not None or (units and name not in units)):
            continue
        role = role_of(request, span, kind) if name in parameters.roles else None
        if role is not None and role == opposite(parameters.roles[name]):
            wrong = True
            continue
        is_open = is_open and role is None and not units
        free.append(span)
    return BindingCandidate(leaf, own or free, is_open=is_open and not own, contradicted=wrong and not (own or free))


def _ordered_pairs(
    request: Request, candidates: Sequence[BindingCandidate], parameters: Parameters
) -> Iterator[tuple[BindingCandidate, BindingCandidate]]:
    """Pairs of values that could be swapped, and that no word tells apart: their order must be the schema's."""
    order = list(parameters.kinds)
    named = [c for c in candidates if c.spans and c.is_open and c.leaf.parameter in parameters.kinds]
    named.sort(key=lambda candidate: order.index(candidate.leaf.parameter))
    for index, first in enumerate(named):
        for second in named[index + 1 :]:
            a, b = first.leaf, second.leaf
            if a.parameter == b.parameter or equal(a.value, b.value) or _spans_time(request, a, b):
                continue
            if parameters.partners.get(a.parameter) == b.parameter:
                yield (first, second) if parameters.roles[a.parameter] == "from" else (second, first)
            elif len(a.path) == len(b.path) == 1 and _could_swap(a, b):
                yield first, second


def _spans_time(request: Request, first: Leaf, second: Leaf) -> bool:
    """True if two days are the limits that something is between, in the order of time."""
    days = [parse_day(leaf.value) if isinstance(leaf.value, str) else None for leaf in (first, second)]
    return None not in days and sorted(filter(None, days)) == days and _BETWEEN.search(request.plain) is not None


def _could_swap(first: Leaf, second: Leaf) -> bool:
    """True if two numbers, or two days, would fit each other's parameter too."""
    days = [isinstance(leaf.value, str) and parse_day(leaf.value) is not None for leaf in (first, second)]
    if all(days):
        return True
    return _takes(first.schema, second.value) and _takes(second.schema, first.value)


def _takes(schema: Mapping[str, Json], value: Json) -> bool:
    """True if a parameter takes a number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or "enum" in schema:
        return False
    if schema.get("type") == "integer" and value != int(value):
        return False
    low, high = schema.get("minimum"), schema.get("maximum")
    return (low is None or value >= low) and (high is None or value <= high)
