"""Binding: the places of a request at which a value stands, and the one place that each value of a call takes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from zoneinfo import available_timezones

from ste_graph.contracts import Json
from ste_graph.distil.choices import find_choice
from ste_graph.distil.dates import parse_day, parse_moment
from ste_graph.distil.leaves import Leaf
from ste_graph.distil.normalisation import identifier_words, word_set, words
from ste_graph.distil.numbers import NumberMention, parse_number
from ste_graph.distil.request import Request, TextSpan
from ste_graph.distil.roles import Kind, Parameters, find_label, opposite, role_of, unit_of
from ste_graph.distil.units import unit_names
from ste_graph.json_values import equal

_NUMBER = re.compile(r"[-+]?(?:0|[1-9]\d{0,60})(?:\.\d{1,60})?")
_EXCLUDING = word_set("exclude excluded excluding without not avoid skip ignore omit except minus")
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
    for first, second in _ordered_pairs(found, parameters):
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
    """The places taken once one more value has its own, others having moved where they must; None if there is none."""
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


def find_places(request: Request, leaf: Leaf, parameters: Parameters) -> Iterator[TextSpan]:
    """The places at which a text states a value: literally, as a number, as a day or a time, in any usual form."""
    match leaf.value:
        case bool():
            return
        case int() | float() as number:
            yield from _find_number(request, leaf, parse_number(repr(number)) if _is_finite(number) else None)
        case str() as text:
            yield from _find_text(request, leaf, text.strip(), parameters)


def kind_at(request: Request, span: TextSpan) -> Kind:
    """The kind of value that stands at a place."""
    if any(TextSpan(day.start, day.end).overlaps(span) for day in request.days):
        return "day"
    return "number" if any(TextSpan(n.start, n.end).overlaps(span) for n in request.numbers) else "text"


def states_number(mention: NumberMention, number: Fraction, schema: Mapping[str, Json]) -> bool:
    """True if a mention states a number; where a schema speaks of negative ones, `7 days ago` is -7 alone."""
    strict = mention.turned and number > 0 and _speaks_of_negatives(schema)
    return number in mention.signed_values and not (strict and number in mention.values)


def parse_number_text(value: str) -> Fraction | None:
    """The number that a text states; None for any other text, and for one with leading zeros: `007` is not 7."""
    return parse_number(value) if _NUMBER.fullmatch(value) else None


def _find_number(request: Request, leaf: Leaf, number: Fraction | None) -> Iterator[TextSpan]:
    if number is None:
        return
    for mention in request.numbers:
        inner = len(leaf.path) > 1 and number in _grouped_parts(request.plain[mention.start : mention.end])
        if inner or states_number(mention, number, leaf.schema):
            yield TextSpan(mention.start, mention.end)
    part = {*identifier_words(leaf.parameter)} & {"year", "month", "day"}
    for day in request.days if len(part) == 1 else ():
        if any(getattr(date, next(iter(part))) == number for date in day.days):
            yield TextSpan(day.start, day.end)


def _grouped_parts(text: str) -> set[Fraction]:
    """The numbers of a list without blanks, which may look like one: `1,200`."""
    parts = text.strip("+-").split(",")
    return {parse_number(part) for part in parts} if len(parts) > 1 and all(map(str.isdigit, parts)) else set()


def _find_text(request: Request, leaf: Leaf, value: str, parameters: Parameters) -> Iterator[TextSpan]:
    if "enum" in leaf.schema and value:
        yield from find_choice(request, leaf.parameter, value, leaf.schema, parameters) or ()
        return
    for name in unit_names(value):
        yield from request.find_words(name)
    if len(value) < 2:
        yield from _find_character(request, value)
        return
    if (number := parse_number_text(value)) is not None:
        yield from _find_number(request, leaf, number)
        return
    found = list(request.find_words(value))
    yield from found
    if found:
        return
    if day := parse_day(value):
        yield from (TextSpan(mention.start, mention.end) for mention in request.days if day in mention.days)
    elif moment := parse_moment(value):
        yield from _find_moment(request, *moment)
    elif value in _zones():
        yield from request.find_words(value.rpartition("/")[2])


def _find_moment(request: Request, day: dt.date | None, time: dt.time) -> Iterator[TextSpan]:
    days = [TextSpan(mention.start, mention.end) for mention in request.days if day in mention.days]
    for mention in request.times:
        span = TextSpan(mention.start, mention.end)
        if mention.time == time and day is None:
            yield span
        elif mention.time == time:
            yield from (TextSpan(min(span.start, near.start), max(span.end, near.end)) for near in days)


def _find_character(request: Request, value: str) -> Iterator[TextSpan]:
    """The places at which a character is on its own; in quotes, if it could be a word."""
    if not value:
        return
    bare = "" if value in "aAI" else rf"|(?<!\w)(?P<bare>{re.escape(value)})(?!\w)"
    for match in re.finditer(rf"[\"'`](?P<quoted>{re.escape(value)})[\"'`]{bare}", request.cased):
        group = "quoted" if match["quoted"] is not None else "bare"
        yield TextSpan(match.start(group), match.end(group))


def _is_whole(
    request: Request, leaf: Leaf, span: TextSpan, texts: Sequence[TextSpan], names: Sequence[TextSpan]
) -> bool:
    """True if a place is no part of a longer name or quoted text, and the request does not take it back.

    `texts` are the places of all texts of the call, `names` those of the names of parameters.
    """
    excluding = bool({*identifier_words(leaf.parameter)} & _EXCLUDING)
    if request.is_negated(span) and not excluding:
        return False
    if not isinstance(leaf.value, str) or "enum" in leaf.schema:
        return not any(quote.holds(span) and not _covers(request, quote, span, leaf) for quote in request.quotes)
    quote = next((quote for quote in request.quotes if quote.holds(span)), None)
    if quote is not None:
        return _covers(request, quote, span, leaf) or _are_covered(request, quote, texts)
    return not request.is_part_of_name(span, [*names, *(other for other in texts if not other.overlaps(span))])


def _covers(request: Request, quote: TextSpan, span: TextSpan, leaf: Leaf) -> bool:
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
        none = find_choice(request, name, leaf.value, leaf.schema, parameters) is None
        return BindingCandidate(leaf, spans, is_open=False, contradicted=none)
    numbers = [TextSpan(mention.start, mention.end) for mention in request.numbers]
    own, free, wrong = [], [], False
    is_open, shared = True, _SHARED.search(request.plain) is not None
    for span in spans:
        kind = kind_at(request, span)
        label = find_label(request, span, kind, parameters)
        if label == name:
            own += [] if kind == "text" and request.is_cut(span) else [span]
            continue
        units = unit_of(request, span, parameters) if kind == "number" else frozenset()
        if not shared and (label is not None or (units and name not in units)):
            continue
        role = role_of(request, span, numbers) if name in parameters.roles else None
        if role is not None and role == opposite(parameters.roles[name]):
            wrong = True
            continue
        is_open = is_open and role is None and not units
        free.append(span)
    return BindingCandidate(leaf, own or free, is_open=is_open and not own, contradicted=wrong and not (own or free))


def _ordered_pairs(
    candidates: Sequence[BindingCandidate], parameters: Parameters
) -> Iterator[tuple[BindingCandidate, BindingCandidate]]:
    """Pairs of values that could be swapped, and that no word tells apart: their order must be the schema's."""
    order = list(parameters.kinds)
    named = [c for c in candidates if c.spans and c.is_open and c.leaf.parameter in parameters.kinds]
    named.sort(key=lambda candidate: order.index(candidate.leaf.parameter))
    for index, first in enumerate(named):
        for second in named[index + 1 :]:
            a, b = first.leaf, second.leaf
            if a.parameter == b.parameter or equal(a.value, b.value):
                continue
            if parameters.partners.get(a.parameter) == b.parameter:
                yield (first, second) if parameters.roles[a.parameter] == "from" else (second, first)
            elif len(a.path) == len(b.path) == 1 and _could_swap(a, b):
                yield first, second


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


def _speaks_of_negatives(schema: Mapping[str, Json]) -> bool:
    low = schema.get("minimum")
    examples = [example for example in schema.get("examples") or () if isinstance(example, int | float)]
    about = str(schema.get("description") or "").lower()
    return (low is not None and low < 0) or any(example < 0 for example in examples) or "negative" in about


def _is_finite(number: float) -> bool:
    return number == number and abs(number) != float("inf")


@cache
def _zones() -> frozenset[str]:
    return frozenset(zone for zone in available_timezones() if "/" in zone)
