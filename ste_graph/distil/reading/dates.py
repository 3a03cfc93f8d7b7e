"""Days and times of day in a text, in the forms that people write."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from ste_graph.distil.reading.normalisation import blank_out, normalise
from ste_graph.distil.reading.numbers import ORDINALS, UNITS

_NAMES = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH = rf"(?P<name>{'|'.join(f'{name[:3]}(?:{name[3:]})?' if name != 'may' else 'may' for name in _NAMES)}|sept)\.?"
_TENTHS = {"": 0, "twenty": 20, "thirty": 30}
_NTHS = {word: number for word, number in ORDINALS.items() if 0 < number <= 30}
_NTH = rf"(?P<day>\d{{1,2}}(?:st|nd|rd|th)?|(?:(?:twenty|thirty)[- ])?(?:{'|'.join(_NTHS)}))"
_ISO = re.compile(r"(?<!\d)(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?!\d)")
_MIXED = re.compile(r"(?<!\d)(?P<first>\d{1,2})[-/.](?P<second>\d{1,2})[-/.](?P<year>\d{4}|\d{2})(?!\d)")
_WORDED = (
    re.compile(rf"(?<!\w){_NTH}(?: of)?[ -]{_MONTH},?[ -](?P<year>\d{{4}})(?!\d)"),
    re.compile(rf"(?<!\w){_MONTH}[ -]{_NTH},?[ -](?P<year>\d{{4}})(?!\d)"),
    re.compile(rf"(?<!\d)(?P<year>\d{{4}})[ -]{_MONTH}[ -]{_NTH}(?!\w)"),
)
_YEARLESS = (
    re.compile(rf"(?<!\w){_NTH}(?: of)?[ -]{_MONTH}(?!\w)"),
    re.compile(rf"(?<!\w){_MONTH}[ -]{_NTH}(?!\w)"),
)
_FESTIVALS = {
    "christmas eve": (12, 24), "christmas day": (12, 25), "christmas": (12, 25), "xmas": (12, 25),
    "boxing day": (12, 26), "new year's eve": (12, 31), "new year's day": (1, 1), "valentine's day": (2, 14),
    "saint patrick's day": (3, 17), "st patrick's day": (3, 17), "april fools' day": (4, 1), "may day": (5, 1),
    "halloween": (10, 31), "all saints' day": (11, 1),
}  # fmt: skip
_FESTIVAL = re.compile(
    rf"(?<!\w)(?P<festival>{'|'.join(_FESTIVALS)})(?!\w)(?:(?:,|,? (?:of|in))?(?: the year)? (?P<year>\d{{4}})(?!\d))?"
)
_SHARED = re.compile(rf"(?<![\w:])(?<!\d[-/.]){_NTH}(?= (?:and|to|until|till|through|or|-) (?:the )?$)")
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|2[01])\d{2}(?!\d)")
_CLOCK = re.compile(
    r"(?<![\d:.])(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?)?"
    r"(?: ?(?P<half>[ap])\.?m\b\.?|(?= ?o'clock)|(?<=:\d\d)(?!\d))"
)
_TWELVE = re.compile(r"\b(?P<name>noon|midday|midnight)\b")
_COUNTS = {word: number for number, word in enumerate(UNITS[:13]) if number} | {"twenty": 20, "twenty-five": 25}
_COUNT = rf"(?:\d{{1,2}}|{'|'.join(sorted(_COUNTS, key=len, reverse=True))})"
_SPOKEN = re.compile(
    rf"(?<![\w:.])(?P<part>half|(?:a )?quarter|{_COUNT})(?P<unit> minutes?)? (?P<side>past|after|to) "
    rf"(?P<hour>{_COUNT})(?![\w:])"
)
_HALF_OF_DAY = re.compile(
    r"(?: o'clock)?,?(?: ?(?P<half>[ap])\.?m\b\.?| (?:in the |at )(?P<name>morning|afternoon|evening|night)\b)"
)


def parse_day(value: str) -> dt.date | None:
    """The day that a value states (YYYY-MM-DD, YYYYMMDD, or one of the forms in texts); None for any other value."""
    plain = normalise(value)
    if re.fullmatch(r"\d{8}", plain):
        with suppress(ValueError):
            return dt.datetime.strptime(plain, "%Y%m%d").date()
    for form in (_ISO, *_WORDED):
        match = form.fullmatch(plain)
        if match and (day := _day(match)):
            return day
    return None


class DayMention(NamedTuple):
    """A day at its place in a text; `3/5/2024` may be two days, a day without a year one of each year named."""

    start: int
    end: int
    days: frozenset[dt.date]


class TimeMention(NamedTuple):
    """A time of day at its place in a text."""

    start: int
    end: int
    time: dt.time


def find_days(plain: str) -> list[DayMention]:
    """The days of a text in lower case, in the order of the text."""
    found: list[DayMention] = []
    rest = plain
    for form in (_ISO, *_WORDED, _MIXED):
        for match in form.finditer(rest):
            days = frozenset(_either_day(match) if form is _MIXED else filter(None, [_day(match)]))
            found += [DayMention(match.start(), match.end(), days)] if days else []
        rest = blank_out(rest, (mention[:2] for mention in found))  # a day that has its year is of no other
    years = {int(match.group()) for match in _YEAR.finditer(plain)}
    found += list(_shared_days(plain, rest, found))
    for match in _FESTIVAL.finditer(rest):
        named = {int(match["year"])} if match["year"] else years
        if days := frozenset(dt.date(year, *_FESTIVALS[match["festival"]]) for year in named if year):
            found.append(DayMention(match.start(), match.end(), days))
    rest = blank_out(rest, (mention[:2] for mention in found))
    for form in _YEARLESS if years else ():
        for match in form.finditer(rest):
            month, day = _month(match["name"]), _day_number(match["day"])
            if days := frozenset(date for year in years for date in _make_dates(year, month, day)):
                found.append(DayMention(match.start(), match.end(), days))
                rest = blank_out(rest, (mention[:2] for mention in found))
    return sorted(found)


def find_times(plain: str) -> list[TimeMention]:
    """The times of day of a text in lower case, to the second: `9:30`, `09:30:00`, `2 pm`, `noon`."""
    found = [
        TimeMention(match.start(), match.end(), dt.time(12 if match["name"] in ("noon", "midday") else 0))
        for match in _TWELVE.finditer(plain)
    ]
    for match in _CLOCK.finditer(plain):
        if (match["minute"], match["half"]) == (None, None) and "o'clock" not in plain[match.end() : match.end() + 9]:
            continue
        hour, minute, second = int(match["hour"]), int(match["minute"] or 0), int(match["second"] or 0)
        if match["half"] and 1 <= hour <= 12:
            hour = hour % 12 + (12 if match["half"] == "p" else 0)
        with suppress(ValueError):
            found.append(TimeMention(match.start(), match.end(), dt.time(hour, minute, second)))
    return sorted([*found, *_spoken_times(plain)])


def find_months(plain: str, year: int, month: int) -> Iterator[tuple[int, int]]:
    """Yields the places of a month with its year: `March 2026`, `2026-03`."""
    name = f"{_NAMES[month - 1][:3]}(?:{_NAMES[month - 1][3:]})?"
    worded = rf"(?<!\w){name}\.?,? (?:of )?{year}(?!\w)"
    digits = rf"(?<!\w){year}[-/]{month:02}(?![-/\w])|(?<![-/\w]){month:02}[-/]{year}(?!\w)"
    yield from (match.span() for match in re.finditer(f"{worded}|{digits}", plain))


def _shared_days(plain: str, rest: str, found: list[DayMention]) -> Iterator[DayMention]:
    """Yields the days that share the month and the year of the one after them: `the 5th and the 9th of May 2024`."""
    for mention in found:
        day_first = re.match(rf"{_NTH}\b", plain[mention.start :]) is not None
        before = _SHARED.search(rest[: mention.start]) if day_first else None
        days = (
            {day for date in mention.days for day in _make_dates(date.year, date.month, _day_number(before["day"]))}
            if before
            else ()
        )
        if before and days:
            yield DayMention(before.start(), before.end(), frozenset(days))


def _spoken_times(plain: str) -> Iterator[TimeMention]:
    """Yields the times such as `half past nine in the evening`; without a half of the day, both that it may be."""
    for match in _SPOKEN.finditer(plain):
        part, hour = match["part"], _count(match["hour"])
        minutes = 30 if part == "half" else 15 if part.endswith("quarter") else _count(part)
        if not (1 <= hour <= 12 and minutes < 60) or (match["side"] == "to" and part == "half"):
            continue
        half = _HALF_OF_DAY.match(plain, match.end())
        if half is None and match["unit"] is None and part not in ("half", "quarter", "a quarter"):
            continue  # `5 to 7`
        late = half is not None and (half["half"] == "p" or half["name"] in ("afternoon", "evening", "night"))
        at = (hour % 12 + 12 * late) * 60 + (minutes if match["side"] != "to" else -minutes)
        end = half.end() if half else match.end()
        for shift in (0,) if half else (0, 720):
            yield TimeMention(match.start(), end, dt.time(*divmod((at + shift) % 1440, 60)))


def _count(text: str) -> int:
    return int(text) if text.isdigit() else _COUNTS[text]


def days_in(text: str) -> set[dt.date]:
    """Every day in the text; `3/5/2024` gives two, a day without a year one for each year that is named."""
    return {day for mention in find_days(normalise(text)) for day in mention.days}


def times_in(text: str) -> set[dt.time]:
    """Every time of day in the text, to the second: `9:30`, `09:30:00`, `2 pm`, `noon`."""
    return {mention.time for mention in find_times(normalise(text))}


def parse_moment(value: str) -> tuple[dt.date | None, dt.time] | None:
    """The time of day that a value states, with its day if it has one; a time zone after it is ignored."""
    plain = normalise(value)
    match = re.fullmatch(
        r"(?:(?P<date>\d{4}-\d\d-\d\d)[t ])?(?P<time>\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?:z|[+-]\d\d:?\d\d)?", plain
    )
    if match is None:
        return None
    with suppress(ValueError):
        day = dt.date.fromisoformat(match["date"]) if match["date"] else None
        return day, dt.time.fromisoformat(match["time"])
    return None


def _day(match: re.Match[str]) -> dt.date | None:
    groups = match.groupdict()
    month = int(groups["month"]) if groups.get("month") else _month(groups["name"])
    return next(_make_dates(int(groups["year"]), month, _day_number(groups["day"])), None)


def _either_day(match: re.Match[str]) -> Iterator[dt.date]:
    year = int(match["year"])
    year += 0 if year > 99 else 2000 if year < 70 else 1900
    first, second = int(match["first"]), int(match["second"])
    yield from _make_dates(year, first, second)
    yield from _make_dates(year, second, first)


def _day_number(text: str) -> int:
    if text[0].isdigit():
        return int(text.rstrip("stndrh"))
    *tens, nth = re.split("[- ]", text)
    return _TENTHS["".join(tens)] + _NTHS[nth]


def _month(name: str) -> int:
    return next(number for number, full in enumerate(_NAMES, start=1) if full.startswith(name[:3]))


def _make_dates(year: int, month: int, day: int) -> Iterator[dt.date]:
    with suppress(ValueError):
        yield dt.date(year, month, day)
