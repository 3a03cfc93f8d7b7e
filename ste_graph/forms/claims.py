"""Claims of a sentence: the names and values in it, each of which must occur in the texts that it rests on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, time
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from ste_graph.distil.reading.normalisation import contains_words
from ste_graph.distil.reading.request import TextSpan, parse_request

_FORM = re.compile(
    r"(?<![\w])(?:[YMDHSymdhs]{1,4}[-/.: T]){1,5}[YMDHSymdhs]{1,4}(?:Z|±HH:MM)?(?!\w)|(?<!\w)ISO[ -]?8601(?!\w)"
)
"""A form of days or times of day, in letters: `YYYY-MM-DD`."""
_CODE = re.compile(
    r"(?<![\w/])(?:[^\W_]+(?:_+[^\W_]+)+|[A-Za-z]+\d[\w-]*|\d+[A-Za-z]+\d[\w-]*|[a-z]+[A-Z]\w*|[A-Z]\w*(?:/[A-Z]\w*)+"
    r"|[A-Z]{2,}(?:[-/][A-Z\d]+)*)(?![\w/])"
)
"""A name that is not a word of a language: `from_zone`, `A7`, `fromZone`, `Europe/Berlin`, `EUR`."""
_NAME = re.compile(r"(?<=[\w,;)\"'`] )[A-Z][a-z][\w'-]*(?: [A-Z][a-z][\w'-]*)*")
"""Words with a capital that open no sentence: `Paris`, `New York`."""
_GENERAL = frozenset({"API", "ID", "JSON", "OK"})
"""Abbreviations that say nothing about a tool."""


class SentenceClaim(NamedTuple):
    """One name or value in a sentence; of days, times and numbers any of these says the same."""

    written: str
    days: frozenset[date] = frozenset()
    times: frozenset[time] = frozenset()
    numbers: frozenset[Fraction] = frozenset()

    def is_in(self, text: str) -> bool:
        """True if a text has the name or the value, in any usual form."""
        if self.days or self.times or self.numbers:
            found = _mentions(text)
            return bool(self.days & found.days or self.times & found.times or self.numbers & found.numbers)
        if form := form_pattern(self.written):
            return re.search(form, text) is not None or contains_words(text, self.written)
        return contains_words(text, self.written)


def find_claims(sentence: str) -> list[SentenceClaim]:
    """The claims of a sentence, in the order of the sentence.

    They are texts in quotation marks, days, times of day, numbers (but for small ones in words), forms of days, codes
    and identifiers, and names with a capital within the sentence.
    """
    text = parse_request(sentence)
    taken: list[TextSpan] = []
    found: list[tuple[int, SentenceClaim]] = []

    def take(span: TextSpan, claim: SentenceClaim) -> None:
        if not any(span.overlaps(other) for other in taken):
            taken.append(span)
            found.append((span.start, claim))

    for quote in text.quotes:
        if written := text.cased[quote.start : quote.end].strip():
            take(quote, SentenceClaim(written))
    for match in _FORM.finditer(text.cased):
        take(TextSpan(match.start(), match.end()), SentenceClaim(match[0]))
    for day in text.days:
        written = text.cased[day.start : day.end]
        take(TextSpan(day.start, day.end), SentenceClaim(written, days=frozenset(day.days)))
    for moment in text.times:
        written = text.cased[moment.start : moment.end]
        take(TextSpan(moment.start, moment.end), SentenceClaim(written, times=frozenset([moment.time])))
    for match in _CODE.finditer(text.cased):
        if match[0] not in _GENERAL:
            take(TextSpan(match.start(), match.end()), SentenceClaim(match[0]))
    for number in text.numbers:
        if not (number.ordinal or (number.spelled and max(map(abs, number.values)) < 3)):
            written = text.cased[number.start : number.end]
            take(TextSpan(number.start, number.end), SentenceClaim(written, numbers=number.signed_values))
    for match in _NAME.finditer(text.cased):
        take(TextSpan(match.start(), match.end()), SentenceClaim(match[0]))
    return [claim for _, claim in sorted(found, key=lambda pair: pair[0])]


def find_unsupported(sentence: str, sources: Sequence[str]) -> list[str]:
    """The claims of a sentence that occur in none of the texts, as it writes them."""
    return [claim.written for claim in find_claims(sentence) if not any(claim.is_in(text) for text in sources)]


class _Mentions(NamedTuple):
    days: frozenset[date]
    times: frozenset[time]
    numbers: frozenset[Fraction]


@lru_cache(maxsize=512)
def _mentions(text: str) -> _Mentions:
    """The mentions of a text; the digits of a day or a time of day are not numbers."""
    read = parse_request(text)
    return _Mentions(
        frozenset(day for mention in read.days for day in mention.days),
        frozenset(mention.time for mention in read.times),
        frozenset(value for mention in read.numbers for value in mention.signed_values),
    )


def form_pattern(written: str) -> str | None:
    """The pattern of values that have a form in letters, or None if the text is not such a form."""
    if not _FORM.fullmatch(written):
        return None
    if written.startswith("ISO"):
        return r"\d{4}-\d{2}-\d{2}|\bdate(?:-time)?\b"
    digits = re.sub(r"[YMDHSymdhs]+", lambda letters: rf"\d{{{len(letters[0])}}}", re.escape(written))
    return rf"(?<!\d){digits}(?!\d)" + (r"|\"format\": ?\"date" if written.upper().startswith("YYYY-MM-DD") else "")
