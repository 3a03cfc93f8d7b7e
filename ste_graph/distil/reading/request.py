"""A request as the gates read it: its words, and what it mentions at which place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from ste_graph.distil.reading.dates import DayMention, TimeMention, find_days, find_times
from ste_graph.distil.reading.normalisation import blank_out, flatten, lower
from ste_graph.distil.reading.numbers import NumberMention, find_numbers
from ste_graph.text import singular, word_set

_QUOTE = re.compile(r"(?<!\w)(?:\"([^\"]+)\"|`([^`]+)`|'([^']+)')(?!\w)")
_BREAK = re.compile(r"[.;:!?](?= |$)|,(?= )|\b(?:but|and with|and without)\b")
_TO_NEGATE = (
    r"(?:not|never|n't|no longer|instead of|rather than|except(?: for)?|other than|anything but|cannot|by no means)"
)
_FILLER = (
    r"(?:in|at|on|to|from|for|the|a|an|as|into|by|with|of|is|be|use|take|using|want|make|set|choose|pick|send|book|it"
    r"|necessarily|just|really|mean|called|named|usual|old|former)"
)
_NEGATED = re.compile(
    rf"(?:(?:\b|(?<=\w)){_TO_NEGATE} (?:{_FILLER} ){{0,3}}|\b(?:do not|don't|never) [a-z]+ (?:(?:the|a|an|any|its) )?"
    r"|\b(?:skip|forget|ignore|omit|never mind|no longer want) (?:about )?(?:the |a |an |all )?)"
    r"[\"'`]?$"
)
_NEGATED_AFTER = re.compile(
    r"[\"'`]? (?:is|are|was|were) (?:of no (?:interest|use|importance)|irrelevant|wrong"
    r"|not (?:needed|wanted|meant|asked))\b"
)
_MONTHS_AND_DAYS = word_set(
    "january february march april may june july august september october november december monday tuesday "
    "wednesday thursday friday saturday sunday mr mrs ms miss dr prof city time"
)
_OPENERS = word_set(
    "in on at the from to and or for with what how which who when where is are was i we my our please use take of "
    "by as not but it if then that this convert give"
)
_CONNECTIVES = word_set("and or for as with without please to from in on at then but by of is")
_NAME_STARTS = word_set(
    "new san santa los las saint st sao são el la le rio north south east west port cape fort mount great abu "
    "addis buenos hong kuala tel den mexico"
)
_PARTICLES = r"(?:de|da|do|del|della|di|du|dos|am|upon)"
_JOINTS = "-_/.@#"
_SYMBOLS = frozenset("<>=*+%^&|~$#@\\")
_PAUSES = ".,;:!?()[]{}-/"


class TextSpan(NamedTuple):
    """A place in a text: from `start` up to `end`."""

    start: int
    end: int

    def overlaps(self, other: TextSpan) -> bool:
        """True if the two have a character in common."""
        return self.start < other.end and other.start < self.end

    def holds(self, other: TextSpan) -> bool:
        """True if the other is within this one."""
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True, slots=True)
class Request:
    """A text in one form: `cased` as it is written, `plain` in lower case, with all that it mentions.

    `quotes` are the texts in quotation marks, without them. The digits of a day or a time of day are not numbers.
    """

    cased: str
    plain: str
    quotes: tuple[TextSpan, ...]
    days: tuple[DayMention, ...]
    times: tuple[TimeMention, ...]
    numbers: tuple[NumberMention, ...]

    def find_words(self, value: str) -> Iterator[TextSpan]:
        """Every place at which the words of a value occur, whatever is between them; a plural counts as its singular.

        A place within a longer word, name, path or number does not count: `1009` is not in `A-1009`.
        """
        wanted = lower(flatten(value))
        parts = re.findall(r"[^\W_]+", wanted)
        if not parts:
            yield from (TextSpan(match.start(), match.end()) for match in re.finditer(re.escape(wanted), self.plain))
            return
        plural = len(parts) == 1 and value.islower() and value.isalpha() and len(value) > 1
        inner = r"\W+".join(map(re.escape, parts))
        pattern = rf"(?<!\w){inner}(?!\w)"
        if plural:
            pattern = rf"(?<!\w)(?:{'|'.join({*map(re.escape, _inflections(parts[0]))})})(?!\w)"
        symbols = _symbols(value)
        for match in re.finditer(pattern, self._searchable):
            span = TextSpan(match.start(), match.end())
            wide = self._widen(span)
            if symbols in (self._symbols(span), self._symbols(wide)) and not self._is_joined(span):
                yield wide if symbols else span

    @property
    def _searchable(self) -> str:
        return self.plain.replace("_", " ")

    def find_any(self, names: Iterable[Sequence[str]]) -> list[TextSpan]:
        """Every place of these words, each given as a sequence that may be written together or apart."""
        pattern = "|".join("[ _-]?".join(map(re.escape, parts)) for parts in names)
        found = re.finditer(rf"(?<!\w)(?:{pattern})(?!\w)", self.plain) if pattern else ()
        return [TextSpan(match.start(), match.end()) for match in found]

    def is_negated(self, span: TextSpan) -> bool:
        """True if the words at a place say that just this is not meant: `not in A`, `A is irrelevant`."""
        before = _NEGATED.search(self.plain[max(0, span.start - 40) : span.start])
        return before is not None or _NEGATED_AFTER.match(self.plain, span.end) is not None

    @property
    def mentions(self) -> list[TextSpan]:
        """The places of its numbers, days and times."""
        return [
            *(TextSpan(number.start, number.end) for number in self.numbers),
            *(TextSpan(day.start, day.end) for day in self.days),
            *(TextSpan(time.start, time.end) for time in self.times),
        ]

    def is_quoted(self, span: TextSpan) -> bool:
        """True if a place lies within a quoted text."""
        return any(quote.holds(span) for quote in self.quotes)

    def clause_start(self, place: int) -> int:
        """The place at which the clause around a place begins."""
        start = 0
        for match in _BREAK.finditer(self.plain, 0, place):
            start = match.end()
        return start

    def clause_end(self, place: int) -> int:
        """The place at which the clause around a place ends."""
        match = _BREAK.search(self.plain, place)
        return match.start() if match else len(self.plain)

    def is_part_of_name(self, span: TextSpan, others: Sequence[TextSpan] = ()) -> bool:
        """True if a name that begins or ends at this place continues next to it: `Francisco` in `from San Francisco`.

        `others` are the places of other values, which are not part of it.
        """
        own = self.cased[span.start : span.end]
        if not own[:1].isupper() or self.cased.isupper():
            return False
        return self._goes_on_before(span, others) or self._goes_on_after(span, others)

    def is_cut(self, span: TextSpan) -> bool:
        """True if a text that is given after a colon goes on beyond this place: `call` in `label: call grandma`."""
        if not re.search(r"\w: ?$", self.plain[: span.start]):
            return False
        following = re.match(r" (?P<word>\w+)", self.plain[span.end :])
        return following is not None and following["word"] not in _CONNECTIVES

    def is_part_of_prose(self, span: TextSpan) -> bool:
        """True if a text that is given after a colon begins before this place, or goes on beyond it."""
        starts = [match.end() for match in re.finditer(r"\w: ", self.plain[: span.start])]
        following = re.match(r"[,;]? (?P<word>\w+)", self.plain[span.end :])
        goes_on = following is not None and following["word"] not in _CONNECTIVES
        return bool(starts) and (span.start not in starts or goes_on)

    def _goes_on_before(self, span: TextSpan, others: Sequence[TextSpan]) -> bool:
        match = re.search(r"(?:^|(?P<end>[.!?:] )|[^\w])(?P<word>[^\W\d_][\w']*) $", self.cased[: span.start])
        if match is None or (match["word"].isupper() and len(match["word"]) == 1):
            return False
        begins = match["end"] is not None or match.start("word") == 0
        begins = begins and match["word"].lower() not in _NAME_STARTS
        return not begins and self._is_name(TextSpan(match.start("word"), match.end("word")), others)

    def _goes_on_after(self, span: TextSpan, others: Sequence[TextSpan]) -> bool:
        match = re.match(rf" (?:{_PARTICLES} )?(?P<word>[^\W\d_][\w']*)", self.cased[span.end :])
        return match is not None and self._is_name(
            TextSpan(span.end + match.start("word"), span.end + match.end("word")), others
        )

    def _is_name(self, word: TextSpan, others: Sequence[TextSpan]) -> bool:
        text = self.cased[word.start : word.end]
        known = text.lower() in _MONTHS_AND_DAYS or text.lower() in _OPENERS
        return text[0].isupper() and not known and not any(word.overlaps(other) for other in others)

    def _widen(self, span: TextSpan) -> TextSpan:
        """The place with the symbols next to it."""
        before = re.search(r"[^\w\s\"'`]*$", self.plain[: span.start])
        after = re.match(r"[^\w\s\"'`]*", self.plain[span.end :])
        start = span.start - len(before.group().lstrip(_PAUSES)) if before else span.start
        end = span.end + len(after.group().rstrip(_PAUSES)) if after else span.end
        return TextSpan(start, end)

    def _symbols(self, span: TextSpan) -> str:
        return _symbols(self.plain[span.start : span.end])

    def _is_joined(self, span: TextSpan) -> bool:
        """True if a sign without a blank joins the place to more of a name, a path or a number."""
        before, after = self.plain[: span.start], self.plain[span.end :]
        alphabetic = self.plain[span.start : span.end].replace(" ", "").isalpha()
        joined_before = len(before) > 1 and before[-1] in _JOINTS and before[-2].isalnum()
        joined_after = len(after) > 1 and after[0] in _JOINTS and after[1].isalnum()
        if alphabetic and joined_after and after[0] == "-" and after[1].isalpha():
            joined_after = False  # `Paris-based`
        return joined_before or joined_after


@lru_cache(maxsize=256)
def parse_request(text: str) -> Request:
    """The request in a text."""
    cased = flatten(text)
    plain = lower(cased)
    quotes = tuple(
        TextSpan(match.start(group), match.end(group))
        for match in _QUOTE.finditer(plain)
        for group in (1, 2, 3)
        if match[group] is not None
    )
    days = tuple(find_days(plain))
    rest = blank_out(plain, (day[:2] for day in days))
    times = tuple(find_times(rest))
    numbers = tuple(find_numbers(blank_out(rest, (time[:2] for time in times))))
    return Request(cased, plain, quotes, days, times, numbers)


def _symbols(text: str) -> str:
    """The characters whose change changes what a text means, such as the operators of a formula."""
    return "".join(character for character in text if character in _SYMBOLS)


def _inflections(word: str) -> list[str]:
    single = singular(word)
    forms = [word, single, f"{single}s"]
    if single.endswith(("s", "x", "ch", "sh")):
        forms.append(f"{single}es")
    if single.endswith("y"):
        forms.append(f"{single[:-1]}ies")
    return [*forms, "feet"] if single == "foot" else forms
