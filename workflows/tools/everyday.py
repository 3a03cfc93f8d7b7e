"""Twelve small tools that need no network, each with something to get wrong and an error that says how to mend it."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
import sqlite3
import string
import time
from collections import Counter
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field

import ste_graph as ste

Zone = Annotated[str, Field(description="An IANA time zone.", examples=["Europe/Berlin", "America/New_York"])]


_now: dt.datetime | None = None


def configure(*, now: str | None = None) -> None:
    """Fix the present moment (ISO 8601, UTC unless it says otherwise); None: the system's clock."""
    global _now
    moment = dt.datetime.fromisoformat(now) if now else None
    _now = moment.replace(tzinfo=dt.UTC) if moment and not moment.tzinfo else moment


@ste.tool(effect="read")
def add_days(
    date: Annotated[dt.date, Field(examples=["2024-02-28"])],
    days: Annotated[int, Field(ge=-100_000, le=100_000, examples=[30, -7])],
) -> str:
    """Give the date that lies a number of days after (or, if negative, before) a date.

    Args:
        date: The date to start from, as YYYY-MM-DD.
        days: How many days to add; a negative number goes back.
    """
    try:
        return (date + dt.timedelta(days=days)).isoformat()
    except OverflowError:
        raise ValueError(f"{date} {days:+} days lies outside the years 1 to 9999") from None


@ste.tool(effect="read")
def days_between(
    start: Annotated[dt.date, Field(examples=["2024-01-01"])],
    end: Annotated[dt.date, Field(examples=["2024-03-01"])],
    count: Literal["days", "weekdays"] = "days",
) -> int:
    """Count the days from one date to a later one, the first included and the last not.

    Args:
        start: The first date, as YYYY-MM-DD.
        end: The last date, as YYYY-MM-DD; not before the first.
        count: Every day, or Monday to Friday only.
    """
    if end < start:
        raise ValueError(f"end ({end}) lies before start ({start}); give the earlier date as start")
    days = (end - start).days
    if count == "days":
        return days
    weeks, rest = divmod(days, 7)
    return weeks * 5 + sum((start.weekday() + day) % 7 < 5 for day in range(rest))


@ste.tool(effect="read")
def today(zone: Zone = "UTC") -> str:
    """Give today's date and weekday in a time zone.

    Args:
        zone: The IANA time zone whose date is asked for.
    """
    return (_now or dt.datetime.now(dt.UTC)).astimezone(_zone(zone)).strftime("%Y-%m-%d (%A)")


@ste.tool(effect="read")
def convert_time(
    moment: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}$", examples=["2024-07-01 09:30"])],
    from_zone: Zone,
    to_zone: Zone,
) -> str:
    """Convert a local time from one time zone to another.

    Args:
        moment: The local time in from_zone, as YYYY-MM-DD HH:MM (24 hours).
        from_zone: The IANA time zone in which the time is given.
        to_zone: The IANA time zone to convert to.
    """
    source, target = _zone(from_zone), _zone(to_zone)
    try:
        local = dt.datetime.fromisoformat(moment)
    except ValueError as error:
        raise ValueError(f"{moment} is not a valid date and time: {error}") from None
    if not 1900 <= local.year <= 2100:
        raise ValueError(f"{moment} lies outside the years 1900 to 2100, for which zones are known")
    universal = local.replace(tzinfo=source).astimezone(dt.UTC)
    if universal.astimezone(source).replace(tzinfo=None) != local:
        raise ValueError(f"{moment} does not exist in {from_zone}: the clocks were put forward over it")
    return universal.astimezone(target).strftime("%Y-%m-%d %H:%M (UTC%z)")


@ste.tool(effect="read")
def number_in_words(
    number: Annotated[int, Field(ge=-(10**15), le=10**15, examples=[1984])],
    language: Annotated[Literal["en", "de"], Field(examples=["en"])],
    form: Literal["cardinal", "ordinal", "year"] = "cardinal",
) -> str:
    """Write a whole number in English or German words.

    Args:
        number: The number, in digits.
        language: en for English, de for German.
        form: cardinal (three), ordinal (third) or year (nineteen eighty-four).
    """
    # Here rather than above: it loads some forty languages.
    from num2words import num2words  # type: ignore[import-untyped]

    if form == "ordinal" and number < 1:
        raise ValueError(f"{number} has no ordinal; ordinals start at 1")
    if form == "year" and not 1 <= number <= 9999:
        raise ValueError(f"{number} is not a year; years go from 1 to 9999")
    return str(num2words(number, lang=language, to=form))


_UNITS: dict[str, dict[str, float]] = {
    "length": {
        "mm": 0.001,
        "cm": 0.01,
        "m": 1,
        "km": 1000,
        "inch": 0.0254,
        "foot": 0.3048,
        "yard": 0.9144,
        "mile": 1609.344,
    },
    "mass": {"mg": 1e-6, "g": 0.001, "kg": 1, "tonne": 1000, "ounce": 0.028349523125, "pound": 0.45359237},
    "volume": {"ml": 0.001, "l": 1, "m3": 1000, "us_cup": 0.2365882365, "us_gallon": 3.785411784},
    "duration": {"s": 1, "min": 60, "h": 3600, "day": 86400, "week": 604800},
    "speed": {"m/s": 1, "km/h": 1 / 3.6, "mph": 0.44704, "knot": 1852 / 3600},
    "temperature": {"celsius": 1, "kelvin": 1, "fahrenheit": 5 / 9},
}
_ZERO_IN_KELVIN = {"celsius": 273.15, "kelvin": 0.0, "fahrenheit": 459.67 * 5 / 9}


@ste.tool(effect="read")
def convert_unit(
    value: Annotated[float, Field(examples=[26.2])],
    from_unit: Annotated[str, Field(examples=["mile"])],
    to_unit: Annotated[str, Field(examples=["km"])],
) -> float:
    """Convert a value between units of length, mass, volume, duration, speed or temperature.

    Args:
        value: The value in from_unit.
        from_unit: The unit it is given in: mm, cm, m, km, inch, foot, yard, mile; mg, g, kg, tonne, ounce, pound;
            ml, l, m3, us_cup, us_gallon; s, min, h, day, week; m/s, km/h, mph, knot; celsius, kelvin, fahrenheit.
        to_unit: The unit to convert to, of the same dimension.
    """
    source, target = _dimension(from_unit), _dimension(to_unit)
    if source != target:
        fitting = ", ".join(sorted(_UNITS[source]))
        raise ValueError(f"{from_unit} measures {source}, {to_unit} measures {target}; {source} units: {fitting}")
    base = value * _UNITS[source][from_unit] + _ZERO_IN_KELVIN.get(from_unit, 0.0)
    if source == "temperature" and base < 0:
        raise ValueError(f"{value:g} {from_unit} lies below absolute zero")
    return float(f"{(base - _ZERO_IN_KELVIN.get(to_unit, 0.0)) / _UNITS[source][to_unit]:.10g}")


@ste.tool(effect="read")
def make_password(
    length: Annotated[int, Field(ge=8, le=64, examples=[16])],
    seed: Annotated[int, Field(ge=0, examples=[7])] = 0,
    symbols: bool = False,
) -> str:
    """Make a password of a given length; the same length and seed always give the same one, so use it for tests only.

    Args:
        length: How many characters.
        seed: Another number gives another password.
        symbols: Whether to use characters that are neither letters nor digits.
    """
    dice = random.Random(f"{length} {seed} {symbols}")
    kinds = [string.ascii_lowercase, string.ascii_uppercase, string.digits, *(["!#$%&*+-=?@_"] if symbols else [])]
    letters = [dice.choice(kind) for kind in kinds]
    letters += dice.choices("".join(kinds), k=length - len(kinds))
    dice.shuffle(letters)
    return "".join(letters)


@ste.tool(effect="read")
def text_statistics(
    text: Annotated[str, Field(min_length=1, examples=["The quick brown fox. It jumps!"])],
    measure: Literal["all", "characters", "words", "sentences", "most_frequent_word", "longest_word"] = "all",
) -> dict[str, Any]:
    """Count what a text is made of.

    Args:
        text: The text itself, not a file name.
        measure: One measure, or all of them.
    """
    words = re.findall(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*", text)
    if not words:
        raise ValueError("the text has no words; give a text with at least one")
    counts = Counter(word.lower() for word in words)
    found = {
        "characters": len(text),
        "words": len(words),
        "sentences": len(re.findall(r"[.!?…]+(?=\s|$)", text)) or 1,
        "most_frequent_word": min(counts, key=lambda word: (-counts[word], word)),
        "longest_word": max(words, key=len),
    }
    return found if measure == "all" else {measure: found[measure]}


_SECONDS = 2.0


@ste.tool(effect="read")
def query_shop(
    sql: Annotated[str, Field(examples=["SELECT name, stock FROM products WHERE category = 'office' ORDER BY stock"])],
) -> dict[str, Any]:
    """Run one SELECT over a shop's SQLite database and give at most 50 rows.

    Tables: customers (id, name, city, since), products (id, name, category, price_cents, stock),
    orders (id, customer_id, ordered_on, status), order_lines (order_id, product_id, quantity).
    An order's status is open, shipped or returned. Dates are text, YYYY-MM-DD; prices are in cents.

    Args:
        sql: One SELECT statement in SQLite's dialect.
    """
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(Path(__file__).with_name("shop.sql").read_text(encoding="utf-8"))
        connection.execute("PRAGMA query_only = ON")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1_000_000)
        connection.set_authorizer(_reading_only)
        stop = time.monotonic() + _SECONDS
        connection.set_progress_handler(lambda: time.monotonic() > stop, 10_000)
        cursor = connection.execute(sql)
        if cursor.description is None:
            raise ValueError("this is not a SELECT; only reading is possible")
        rows = cursor.fetchmany(51)
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise ValueError(_explain_sql_error(str(error))) from None
    finally:
        connection.close()
    columns = [column[0] for column in cursor.description]
    return {"columns": columns, "rows": rows[:50], **({"more": True} if len(rows) > 50 else {})}


@ste.tool(effect="read")
def json_lookup(
    document: Annotated[str, Field(examples=['{"books": [{"title": "Emma"}, {"title": "Ulysses"}]}'])],
    path: Annotated[str, Field(pattern=r"^\$", examples=["$.books[0].title", "$.books[*].title"])],
) -> Any:
    """Look a value up in a JSON document.

    Args:
        document: The JSON document as text.
        path: Where to look: $ is the document, .name a key, ["a name"] a key of any kind, [0] an item (from 0, -1 is
            the last), [*] every item.
    """
    try:
        value = json.loads(document)
    except ValueError as error:
        raise ValueError(f"document is not valid JSON: {error}") from None
    return _walk(value, _steps(path), "$")


_NUMERALS = {
    1000: "M",
    900: "CM",
    500: "D",
    400: "CD",
    100: "C",
    90: "XC",
    50: "L",
    40: "XL",
    10: "X",
    9: "IX",
    5: "V",
    4: "IV",
    1: "I",
}


@ste.tool(effect="read")
def to_roman(number: Annotated[int, Field(ge=1, le=3999, examples=[1994])]) -> str:
    """Write a number as a Roman numeral.

    Args:
        number: The number, from 1 to 3999.
    """
    written = ""
    for value, letters in _NUMERALS.items():
        times, number = divmod(number, value)
        written += letters * times
    return written


@ste.tool(effect="read")
def from_roman(numeral: Annotated[str, Field(pattern="^[IVXLCDM]+$", examples=["MCMXCIV"])]) -> int:
    """Read a Roman numeral.

    Args:
        numeral: The numeral in capital letters.
    """
    values = {letter: value for value, letter in _NUMERALS.items() if len(letter) == 1}
    number = 0
    for letter, after in zip(numeral, [*numeral[1:], None], strict=True):
        value = values[letter]
        number += -value if after and values[after] > value else value
    right = to_roman(number) if 1 <= number <= 3999 else None
    if right != numeral:
        hint = f"; {number} is written {right}" if right else ""
        raise ValueError(f"{numeral} is not a Roman numeral{hint}")
    return number


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())  # it walks through folders: some 20 ms


def _zone(name: str) -> ZoneInfo:
    known = _zones()
    if name in known:
        return ZoneInfo(name)
    place = name.split("/")[-1].replace(" ", "_").lower()
    close = sorted(zone for zone in known if zone.split("/")[-1].lower() == place)[:3] or get_close_matches(
        name, known, 3
    )
    hint = f"did you mean {' or '.join(close)}?" if close else "expected an IANA name such as Europe/Berlin"
    raise ValueError(f"there is no time zone {name!r}; {hint}")


def _dimension(unit: str) -> str:
    for dimension, units in _UNITS.items():
        if unit in units:
            return dimension
    known = [unit for units in _UNITS.values() for unit in units]
    aliases = {"kilometer": "km", "meter": "m", "centimeter": "cm", "millimeter": "mm", "kilogram": "kg", "gram": "g"}
    plain = unit.lower().strip().removesuffix("s")
    plain = {"feet": "foot", "inche": "inch", "hour": "h", "minute": "min", "second": "s", "liter": "l"}.get(
        plain, plain
    )
    close = [plain] if plain in known else [aliases[plain]] if plain in aliases else get_close_matches(plain, known, 1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise ValueError(f"unknown unit {unit!r}; {hint}units: {', '.join(sorted(known))}")


def _reading_only(action: int, *_: str | None) -> int:
    reading = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
    return sqlite3.SQLITE_OK if action in reading else sqlite3.SQLITE_DENY


def _explain_sql_error(message: str) -> str:
    if "not authorized" in message:
        return "only SELECT is possible: the database can be read, not changed"
    if "one statement" in message:
        return "give one statement only"
    if "interrupted" in message:
        return "the query took too long; narrow it down"
    if message.startswith("no such table"):
        return f"{message}; tables: customers, order_lines, orders, products"
    return message


def _steps(path: str) -> list[str | int | None]:
    """The steps of a path such as `$.a[0]["b c"][*]`; None stands for every item."""
    pattern = re.compile(
        r'\.(?P<name>[\w-]+)|\[(?:(?P<item>-?\d+)|"(?P<key>[^"]*)"|\'(?P<single>[^\']*)\'|(?P<all>\*))\]'
    )
    steps: list[str | int | None] = []
    at = 1
    while at < len(path):
        match = pattern.match(path, at)
        if not match:
            raise ValueError(f'path is not understood from {path[at:]!r} on; expected .name, [0], ["a name"] or [*]')
        text = next(filter(None, (match["name"], match["key"], match["single"])), "")
        steps.append(int(match["item"]) if match["item"] else None if match["all"] else text)
        at = match.end()
    return steps


def _walk(value: Any, steps: list[str | int | None], where: str) -> Any:
    for number, step in enumerate(steps):
        if step is None:
            if not isinstance(value, list):
                raise ValueError(f"{where} is not a list, so it has no [*]")
            return [_walk(item, steps[number + 1 :], f"{where}[{i}]") for i, item in enumerate(value)]
        if isinstance(step, int):
            if not isinstance(value, list):
                raise ValueError(f"{where} is not a list, so it has no item {step}")
            if not -len(value) <= step < len(value):
                raise ValueError(f"{where} has {len(value)} items; item {step} is not there (items count from 0)")
            value, where = value[step], f"{where}[{step}]"
        else:
            if not isinstance(value, dict):
                raise ValueError(f"{where} is not an object, so it has no key {step!r}")
            if step not in value:
                raise ValueError(f"{where} has no key {step!r}; its keys: {', '.join(sorted(value)) or 'none'}")
            value, where = value[step], f"{where}.{step}"
    return value
