"""Days and times of day in a text, in the forms that people write."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import suppress

from ste_graph.distil.normalisation import normalise

_NAMES = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH = rf"(?P<name>{'|'.join(f'{name[:3]}(?:{name[3:]})?' if name != 'may' else 'may' for name in _NAMES)}|sept)\.?"
_NTH = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
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
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|2[01])\d{2}(?!\d)")
_CLOCK = re.compile(
    r"(?<![\d:.])(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?)?"
    r"(?: ?(?P<half>[ap])\.?m\b\.?|(?= ?o'clock)|(?<=:\d\d)(?!\d))"
)
_TWELVE = re.compile(r"\b(?P<name>noon|midday|midnight)\b")


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


def days_in(text: str) -> set[dt.date]:
    """Every day in the text; `3/5/2024` gives two, a day without a year one for each year that is named."""
    plain = normalise(text)
    found: set[dt.date] = set()
    rest = plain
    for form in (_ISO, *_WORDED):
        for match in form.finditer(plain):
            found |= {day} if (day := _day(match)) else set()
            rest = rest[: match.start()] + " " * len(match.group()) + rest[match.end() :]
    for match in _MIXED.finditer(plain):
        year = int(match["year"])
        year += 0 if year > 99 else 2000 if year < 70 else 1900
        first, second = int(match["first"]), int(match["second"])
        found |= set(_make_dates(year, first, second)) | set(_make_dates(year, second, first))
    years = {int(match.group()) for match in _YEAR.finditer(plain)}
    for form in _YEARLESS:
        for match in form.finditer(rest):  # a day that has its year is of no other
            found |= {day for year in years for day in _make_dates(year, _month(match["name"]), int(match["day"]))}
    return found


def times_in(text: str) -> set[dt.time]:
    """Every time of day in the text, to the second: `9:30`, `09:30:00`, `2 pm`, `noon`."""
    plain = normalise(text)
    found = {dt.time(12 if match["name"] in ("noon", "midday") else 0) for match in _TWELVE.finditer(plain)}
    for match in _CLOCK.finditer(plain):
        if (match["minute"], match["half"]) == (None, None) and "o'clock" not in plain[match.end() : match.end() + 9]:
            continue
        hour, minute, second = int(match["hour"]), int(match["minute"] or 0), int(match["second"] or 0)
        if match["half"] and 1 <= hour <= 12:
            hour = hour % 12 + (12 if match["half"] == "p" else 0)
        with suppress(ValueError):
            found.add(dt.time(hour, minute, second))
    return found


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
    return next(_make_dates(int(groups["year"]), month, int(groups["day"])), None)


def _month(name: str) -> int:
    return next(number for number, full in enumerate(_NAMES, start=1) if full.startswith(name[:3]))


def _make_dates(year: int, month: int, day: int) -> Iterator[dt.date]:
    with suppress(ValueError):
        yield dt.date(year, month, day)
