"""Grounding: tracing each value of a call to its source in the request or in the result of an earlier call."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ste_graph.contracts import Json
from ste_graph.distil.binding import BindingCandidate, bind, find_candidates
from ste_graph.distil.choices import find_choice, read_switch
from ste_graph.distil.dates import days_in, parse_day, parse_moment, times_in
from ste_graph.distil.leaves import Leaf, is_default, leaves, resolve_alternatives
from ste_graph.distil.normalisation import contains_words, words
from ste_graph.distil.numbers import numbers_in, parse_number
from ste_graph.distil.places import kind_at, parse_number_text, states_number
from ste_graph.distil.request import Request, TextSpan, parse_request
from ste_graph.distil.roles import Parameters, find_label, find_labelled_words, read_parameters
from ste_graph.distil.zones import find_places, list_zones, place_names

Source: TypeAlias = Literal["request", "observation", "default", "nothing"]
"""The source of a value."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """The source of each value of a call, and what the request asks for that the call leaves out."""

    sources: Mapping[str, Source]
    """By the path of the value."""
    spans: tuple[TextSpan, ...]
    """The places of the request that the values take."""
    left_out: tuple[str, ...]
    """The parameters of which the request says something else than their default, which is what the call takes."""

    @property
    def is_whole(self) -> bool:
        """True if every value has a source, and no parameter is left out against the request."""
        return "nothing" not in self.sources.values() and not self.left_out


def trace_values(
    arguments: Mapping[str, Json],
    parameters: Mapping[str, Json],
    request: str,
    observations: Sequence[str] = (),
    *,
    free: Collection[str] = (),
) -> Mapping[str, Source]:
    """The source of each value of a call, by its path, see `ground`."""
    return ground(arguments, parameters, request, observations, free=free).sources


def ground(
    arguments: Mapping[str, Json],
    parameters: Mapping[str, Json],
    request: str,
    observations: Sequence[str] = (),
    *,
    free: Collection[str] = (),
) -> Grounding:
    """Traces each value of a call to the request, or to the results of earlier calls that succeeded.

    A value belongs to the parameter that the request gives it to, and a place in the request gives one value, unless
    the request says `both`. A value that is the schema's default, or the only one that the schema allows, needs no
    other source, unless the request says another. A parameter in `free` is one whose values are composed rather than
    stated, such as a query language: it counts as the request's.
    """
    text = parse_request(request)
    every = list(leaves(arguments, parameters))
    known = read_parameters((leaf.parameter for leaf in every), parameters)
    sources: dict[str, Source] = {}
    open_leaves: list[Leaf] = []
    for leaf in every:
        if leaf.path[0] in free:
            sources[leaf.name] = "request"
        elif isinstance(leaf.value, bool):
            sources[leaf.name] = _trace_switch(text, leaf, known)
        elif is_default(leaf):
            sources[leaf.name] = "nothing" if _says_otherwise(text, leaf, known) else "default"
        else:
            sources[leaf.name] = "nothing"
            open_leaves.append(leaf)
    candidates = find_candidates(text, open_leaves, known)
    bound = bind(text, candidates)
    for index, candidate in enumerate(candidates):
        sources[candidate.leaf.name] = _trace(candidate, index in bound, observations)
    return Grounding(sources, tuple(bound.values()), tuple(_left_out(text, arguments, parameters, known)))


def states_value(text: str, leaf: Leaf) -> bool:
    """True if a result states a value: literally, as a number, as a day or a time of day, each in any usual form."""
    match leaf.value:
        case bool():
            return False
        case int() | float() as number:
            return parse_number(repr(number)) in numbers_in(text) if abs(number) < float("inf") else False
        case str() as value if value.strip():
            if (exact := parse_number_text(value.strip())) is not None:
                return exact in numbers_in(text)
            if contains_words(text, value):
                return True
            if day := parse_day(value):
                return day in days_in(text)
            if moment := parse_moment(value):
                return moment[1] in times_in(text) and (moment[0] is None or moment[0] in days_in(text))
    return False  # an empty list or object that is not a default is nothing that one could ask for


def _trace(candidate: BindingCandidate, bound: bool, observations: Sequence[str]) -> Source:
    if bound:
        return "request"
    if not candidate.contradicted and any(states_value(text, candidate.leaf) for text in observations):
        return "observation"
    return "nothing"


def _trace_switch(request: Request, leaf: Leaf, parameters: Parameters) -> Source:
    said = read_switch(request, leaf.parameter, parameters)
    if said is None:
        return "default" if is_default(leaf) else "nothing"
    return ("default" if is_default(leaf) else "request") if said == leaf.value else "nothing"


def _says_otherwise(request: Request, leaf: Leaf, parameters: Parameters) -> bool:
    """True if the request says of a parameter something else than the value that it has by default."""
    schema, name = leaf.schema, leaf.parameter
    if "enum" in schema:
        return isinstance(leaf.value, str) and find_choice(request, name, leaf.value, schema, parameters) is None
    named = [request.cased[span.start : span.end] for span in find_labelled_words(request, name, parameters)]
    if schema.get("type") == "string" and not all(isinstance(leaf.value, str) and word in leaf.value for word in named):
        return True
    if _takes_zone(schema) and _names_other_zone(request, leaf.value):
        return True
    return any(
        find_label(request, span, kind_at(request, span), parameters) == name
        and not request.is_negated(span)
        and not _is_stated_at(request, span, leaf)
        for span in _mentions(request)
    )


def _takes_zone(schema: Mapping[str, Json]) -> bool:
    texts = [schema.get("default"), *(schema.get("examples") or ())]
    return any(isinstance(text, str) and "/" in text and text in list_zones() for text in texts)


def _names_other_zone(request: Request, zone: Json) -> bool:
    """True if a request names a time zone, or a city that stands for one, and not the one that is given."""
    own = {str(zone), *(place_names(str(zone)))}
    spans = [TextSpan(*place) for place in find_places(request.cased)]
    open_spans = [span for span in spans if not any(quote.holds(span) for quote in request.quotes)]
    return any(request.cased[span.start : span.end] not in own and not request.is_negated(span) for span in open_spans)


def _mentions(request: Request) -> Iterator[TextSpan]:
    spans = [TextSpan(number.start, number.end) for number in request.numbers]
    spans += [TextSpan(day.start, day.end) for day in request.days]
    spans += [TextSpan(time.start, time.end) for time in request.times]
    for span in spans:
        if not any(quote.holds(span) for quote in request.quotes):
            yield span
    yield from request.quotes


def _is_stated_at(request: Request, span: TextSpan, leaf: Leaf) -> bool:
    if isinstance(leaf.value, int | float):
        number = parse_number(repr(leaf.value))
        return any(n.start == span.start and states_number(n, number, leaf.schema) for n in request.numbers)
    return isinstance(leaf.value, str) and states_value(request.cased[span.start : span.end], leaf)


def _left_out(
    request: Request, arguments: Mapping[str, Json], schema: Mapping[str, Json], parameters: Parameters
) -> Iterator[str]:
    """The parameters that the call leaves out though the request says something of them."""
    properties = schema.get("properties")
    for name, part in properties.items() if isinstance(properties, Mapping) else ():
        if name in arguments or not isinstance(part, Mapping):
            continue
        own = resolve_alternatives(part)
        default = own.get("default")
        if own.get("type") == "boolean":
            said = read_switch(request, name, parameters)
            if said is not None and said != bool(default):
                yield name
        elif _says_otherwise(request, Leaf((name,), default, own), parameters) or (
            "enum" in own and default is None and _names_choice(request, name, own, parameters)
        ):
            yield name


def _names_choice(request: Request, name: str, schema: Mapping[str, Json], parameters: Parameters) -> bool:
    """True if the request names just one choice of a parameter that has no default."""
    choices = [choice for choice in schema["enum"] if isinstance(choice, str)]
    return sum(bool(find_choice(request, name, choice, schema, parameters)) for choice in choices) == 1


def find_unused(
    request: str,
    groundings: Sequence[Grounding],
    arguments: Sequence[Mapping[str, Json]],
    parameters: Mapping[str, Json],
    known: Sequence[str],
) -> list[str]:
    """The numbers, days, times and quoted texts of a request that no call uses, as it writes them.

    Small numbers in words (`one of the two`), ordinals, and what the request takes back do not count. Neither does what
    the texts in `known` have, next to the same word: results of the calls, and the tool's own description.
    """
    text = parse_request(request)
    used = [span for grounding in groundings for span in grounding.spans]
    given = _values(arguments, parameters)
    stated = "\n".join(known)
    days = {day for call in arguments for leaf in leaves(call, {}) if isinstance(leaf.value, str)
            for day in days_in(leaf.value)}  # fmt: skip
    found = []
    for span in _asked_for(text):
        written = text.cased[span.start : span.end]
        if any(span.overlaps(other) for other in used) or text.is_negated(span):
            continue
        if any(day.start == span.start and day.days & days for day in text.days) or _is_repeated(text, span, used):
            continue
        values = {value for n in text.numbers if n.start == span.start for value in n.signed_values}
        if values & given or (not values and _is_in(written, arguments)) or _is_known(text, span, stated):
            continue
        found.append(written)
    return list(dict.fromkeys(found))


def _is_repeated(request: Request, span: TextSpan, used: Sequence[TextSpan]) -> bool:
    """True if the same number of the same stands at a place that is used: `11 pounds. 11 pounds are …`."""
    counted = {
        number.start: (number.values, re.findall(r"\w+", request.plain[number.end :])[:1]) for number in request.numbers
    }
    own = counted.get(span.start)
    others = [counted[start] for start in counted if any(other.start == start for other in used)]
    return own is not None and bool(own[1]) and own in others


def _is_known(request: Request, span: TextSpan, known: str) -> bool:
    """True if another text has what stands at a place, and a word beside it: `at most 50 rows`."""
    written = request.cased[span.start : span.end]
    if not contains_words(known, written):
        return False
    before = re.search(r"\w+\W*$", request.plain[: span.start])
    after = re.match(r"\W*\w+", request.plain[span.end :])
    sides = [f"{before.group()}{written}" if before else "", f"{written}{after.group()}" if after else ""]
    return len(written) > 4 or any(contains_words(known, side) for side in sides if side)


def _asked_for(request: Request) -> Iterator[TextSpan]:
    numbers = {mention.start: mention for mention in request.numbers}
    for span in _mentions(request):
        number = numbers.get(span.start)
        if number is not None:
            small = number.spelled and max(map(abs, number.values)) < 3
            described = request.plain[span.end : span.end + 2][:1] == "-" and not number.spelled
            if number.ordinal or small or described:
                continue
        if words(request.plain[span.start : span.end]).strip():
            yield span


def _values(arguments: Sequence[Mapping[str, Json]], parameters: Mapping[str, Json]) -> set[object]:
    """The numbers that calls have within longer texts, and those that the schema gives by default."""
    properties = parameters.get("properties")
    defaults = [part.get("default") for part in (properties or {}).values() if isinstance(part, Mapping)]
    texts = [leaf.value for call in arguments for leaf in leaves(call, {}) if isinstance(leaf.value, str)]
    numbers = [value for value in defaults if isinstance(value, int | float) and not isinstance(value, bool)]
    return {n for text in texts for n in numbers_in(text)} | {parse_number(repr(number)) for number in numbers}


def _is_in(written: str, arguments: Sequence[Mapping[str, Json]]) -> bool:
    texts = [leaf.value for call in arguments for leaf in leaves(call, {}) if isinstance(leaf.value, str)]
    return any(contains_words(text, written) for text in texts)
