"""The parts of a request that no call uses: numbers, days, times, quoted texts, and more of a series."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from ste_graph.contracts import Json
from ste_graph.distil.grounding import Grounding, find_mentions
from ste_graph.distil.leaves import schema_leaves
from ste_graph.distil.reading.dates import days_in
from ste_graph.distil.reading.normalisation import contains_words, identifier_words, words
from ste_graph.distil.reading.numbers import numbers_in, parse_number
from ste_graph.distil.reading.request import Request, TextSpan, parse_request
from ste_graph.distil.reading.series import find_unlisted


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
    texts = [leaf.value for call in arguments for leaf in schema_leaves(call, {}) if isinstance(leaf.value, str)]
    given = {number for written in texts for number in numbers_in(written)} | _default_numbers(parameters)
    stated = "\n".join(known)
    days = {day for written in texts for day in days_in(written)}
    found = []
    for span in _asked_for(text):
        written = text.cased[span.start : span.end]
        if any(span.overlaps(other) for other in used) or text.is_negated(span):
            continue
        if any(day.start == span.start and day.days & days for day in text.days) or _is_repeated(text, span, used):
            continue
        values = {value for n in text.numbers if n.start == span.start for value in n.signed_values}
        if values & given or (not values and any(contains_words(own, written) for own in texts)):
            continue
        if not _is_known(text, span, stated):
            found.append(written)
    named = {word for name in parameters.get("properties") or () for word in identifier_words(name)}
    series = [group for grounding in groundings for group in grounding.series]
    return list(
        dict.fromkeys([*found, *(word for word in find_unlisted(text, series, used) if word.lower() not in named)])
    )


def _is_repeated(request: Request, span: TextSpan, used: Sequence[TextSpan]) -> bool:
    """True if the same number of the same thing is at a place that is used: `11 pounds. 11 pounds are …`."""
    counted = {
        number.start: (number.values, re.findall(r"\w+", request.plain[number.end :])[:1]) for number in request.numbers
    }
    own = counted.get(span.start)
    others = [counted[start] for start in counted if any(other.start == start for other in used)]
    return own is not None and bool(own[1]) and own in others


def _is_known(request: Request, span: TextSpan, known: str) -> bool:
    """True if another text has the value at a place, and a word next to it: `at most 50 rows`."""
    written = request.cased[span.start : span.end]
    if not contains_words(known, written):
        return False
    before = re.search(r"\w+\W*$", request.plain[: span.start])
    after = re.match(r"\W*\w+", request.plain[span.end :])
    sides = [f"{before.group()}{written}" if before else "", f"{written}{after.group()}" if after else ""]
    return len(written) > 4 or any(contains_words(known, side) for side in sides if side)


def _asked_for(request: Request) -> Iterator[TextSpan]:
    numbers = {mention.start: mention for mention in request.numbers}
    for span in find_mentions(request):
        number = numbers.get(span.start)
        if number is not None:
            small = number.spelled and max(map(abs, number.values)) < 3
            described = request.plain[span.end : span.end + 2][:1] == "-" and not number.spelled
            if number.ordinal or small or described:
                continue
        if words(request.plain[span.start : span.end]).strip():
            yield span


def _default_numbers(parameters: Mapping[str, Json]) -> set[Fraction]:
    """The numbers that the schema gives by default."""
    parts = (parameters.get("properties") or {}).values()
    defaults = [part.get("default") for part in parts if isinstance(part, Mapping)]
    numbers = [value for value in defaults if isinstance(value, int | float) and not isinstance(value, bool)]
    return {parse_number(repr(number)) for number in numbers}
