"""The places of a request that hold a value: literally, as a number, as a day or a time, in any usual form."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction

from ste_graph.contracts import Json
from ste_graph.distil.leaves import Leaf
from ste_graph.distil.reading.choices import find_choice
from ste_graph.distil.reading.dates import days_in, find_months, parse_day, parse_moment, times_in
from ste_graph.distil.reading.normalisation import contains_words, identifier_words
from ste_graph.distil.reading.numbers import NumberMention, mention_number, numbers_in, parse_number
from ste_graph.distil.reading.request import Request, TextSpan
from ste_graph.distil.reading.roles import Kind, Parameters
from ste_graph.distil.reading.units import conversion_factor, find_durations, find_signs, is_part_of_unit, unit_names
from ste_graph.distil.reading.zones import lies_elsewhere, place_names

_QUANTITY = re.compile(r"(?P<number>\d+(?:\.\d+)?) (?P<unit>[a-z]{1,2})")
_MONTH = re.compile(r"(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])")
_NUMBER = re.compile(r"[-+]?(?:0|[1-9]\d{0,60})(?:\.\d{1,60})?")


def find_places(request: Request, leaf: Leaf, parameters: Parameters) -> Iterator[TextSpan]:
    """The places at which a text states a value: literally, as a number, as a day or a time, in any usual form."""
    match leaf.value:
        case bool():
            return
        case int() | float() as number:
            if math.isfinite(number):
                yield from _find_number(request, leaf, parse_number(repr(number)), parameters)
                yield from _find_duration(request, leaf, parse_number(repr(number)), parameters)
        case str() as text:
            yield from _find_text(request, leaf, text.strip(), parameters)


def states_value(text: str, leaf: Leaf) -> bool:
    """True if a result states a value: literally, as a number, as a day or a time of day, each in any usual form."""
    match leaf.value:
        case bool():
            return False
        case int() | float() as number:
            return math.isfinite(number) and parse_number(repr(number)) in numbers_in(text)
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


def kind_at(request: Request, span: TextSpan) -> Kind:
    """The kind of value at a place."""
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


def _find_number(request: Request, leaf: Leaf, number: Fraction, parameters: Parameters) -> Iterator[TextSpan]:
    numbers = [(mention.start, mention.end) for mention in request.numbers]
    units = parameters.units.get(leaf.parameter, frozenset())
    others = {  # three weeks are not 3 days
        found.start
        for found in find_durations(request.plain, numbers)
        if any(conversion_factor(found.unit, unit) for unit in units)
    }
    for mention in request.numbers:
        if mention.start in others:
            continue
        inner = len(leaf.path) > 1 and number in _grouped_parts(request.plain[mention.start : mention.end])
        if inner or states_number(mention, number, leaf.schema):
            yield TextSpan(mention.start, mention.end)
    part = {*identifier_words(leaf.parameter)} & {"year", "month", "day"}
    for day in request.days if len(part) == 1 else ():
        if any(getattr(date, next(iter(part))) == number for date in day.days):
            yield TextSpan(day.start, day.end)


def _find_duration(request: Request, leaf: Leaf, number: Fraction, parameters: Parameters) -> Iterator[TextSpan]:
    """The places of spans of time equal to a number of the parameter's unit: `three weeks` are 21 days."""
    units = parameters.units.get(leaf.parameter, frozenset())
    mentions = {mention.start: mention for mention in request.numbers}
    for found in find_durations(request.plain, [(mention.start, mention.end) for mention in request.numbers]):
        mention = mentions.get(found.start) or mention_number(request.plain, found.start, found.number_end, Fraction(1))
        for factor in filter(None, (conversion_factor(found.unit, unit) for unit in units)):
            if states_number(mention.scaled(factor), number, leaf.schema):
                yield TextSpan(found.start, found.end)


def _grouped_parts(text: str) -> set[Fraction]:
    """The numbers of a list without blanks, which may look like one: `1,200`."""
    parts = text.strip("+-").split(",")
    return {parse_number(part) for part in parts} if len(parts) > 1 and all(map(str.isdigit, parts)) else set()


def _find_text(request: Request, leaf: Leaf, value: str, parameters: Parameters) -> Iterator[TextSpan]:
    if "enum" in leaf.schema and value:
        yield from find_choice(request, leaf.parameter, value, leaf.schema, parameters, several=is_item(leaf)) or ()
        return
    for name in unit_names(value):
        yield from (span for span in request.find_words(name) if not is_part_of_unit(value, request.plain, *span))
    yield from (TextSpan(start, end) for start, end in find_signs(value, request.cased))
    if len(value) < 2:
        yield from _find_character(request, value)
        return
    if (number := parse_number_text(value)) is not None:
        yield from _find_number(request, leaf, number, parameters)
        return
    found = [span for span in request.find_words(value) if not is_part_of_unit(value, request.plain, *span)]
    yield from found
    if found:
        return
    if quantity := _QUANTITY.fullmatch(value):
        yield from _find_quantity(request, parse_number(quantity["number"]), quantity["unit"])
    elif month := _MONTH.fullmatch(value):
        yield from (TextSpan(*span) for span in find_months(request.plain, int(month["year"]), int(month["month"])))
    elif day := parse_day(value):
        yield from (TextSpan(mention.start, mention.end) for mention in request.days if day in mention.days)
    elif moment := parse_moment(value):
        yield from _find_moment(request, *moment)
    for name in place_names(value):
        yield from (span for span in request.find_words(name) if not lies_elsewhere(value, request.cased, span.end))


def _find_quantity(request: Request, number: Fraction, unit: str) -> Iterator[TextSpan]:
    """The places of a number whose unit begins with a letter: `10 m` is in `10 MB`."""
    for mention in request.numbers:
        digits = re.match(r"[\d.,]*", request.plain[mention.start :])
        following = request.plain[mention.start + digits.end() if digits and digits.end() else mention.end :]
        if number in mention.values and following.lstrip(" -").startswith(unit[0]):
            yield TextSpan(mention.start, mention.end)


def is_item(leaf: Leaf) -> bool:
    """True if a value is one of a list."""
    return isinstance(leaf.path[-1], int)


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


def _speaks_of_negatives(schema: Mapping[str, Json]) -> bool:
    low = schema.get("minimum")
    examples = [example for example in schema.get("examples") or () if isinstance(example, int | float)]
    about = str(schema.get("description") or "").lower()
    return (low is not None and low < 0) or any(example < 0 for example in examples) or "negative" in about
