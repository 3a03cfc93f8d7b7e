"""Units by the other names that people call them, and spans of time counted in another unit than they are given in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cache
from typing import Final, NamedTuple

_NAMES: Final = {
    "mm": "millimeter, millimetre", "cm": "centimeter, centimetre", "m": "meter, metre", "km": "kilometer, kilometre",
    "yard": "yd", "foot": "ft", "mile": "mi", "mg": "milligram", "g": "gram, gramme", "kg": "kilogram, kilo, kgs",
    "tonne": "metric ton, metric tonne", "ounce": "oz", "pound": "lb, lbs", "ml": "milliliter, millilitre",
    "l": "liter, litre", "m3": "cubic meter, cubic metre", "us_gallon": "gallon", "us_cup": "cup",
    "s": "second, sec, secs", "min": "minute, mins", "h": "hour, hr, hrs",
    "m/s": "meter per second, metre per second, meter a second, metre a second, mps",
    "km/h": "kph, kmh, kilometer per hour, kilometre per hour, kilometer an hour, kilometre an hour, km per hour",
    "mph": "mile per hour, mile an hour", "knot": "kn, kts, kt", "celsius": "°c, centigrade", "fahrenheit": "°f",
}  # fmt: skip
_SIGNS: Final = {
    "inch": '"', "foot": "'|ft", "kelvin": "K", "celsius": "C", "fahrenheit": "F", "m": "m", "g": "g", "l": "l|L",
    "s": "s", "h": "h", "min": "min", "day": "d",
}  # fmt: skip
"""The signs that stand for a unit only right after a number."""
_RATE: Final = re.compile(r"(?: ?/| per\b| an(?= hour\b)| a(?= (?:second|minute|hour)\b))")
_POWER: Final = re.compile(r"\b(?:cubic|square) $")
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "fortnight": 1_209_600}


class Duration(NamedTuple):
    """A span of time at its place in a text: a number of `unit`, whose word ends at `end`."""

    start: int
    end: int
    number_end: int
    unit: str


def unit_names(unit: str) -> list[str]:
    """The other names of a unit, in the singular and, of several words, in the plural; none for any other text."""
    names = [name.strip() for name in _NAMES.get(unit.lower(), "").split(",") if name.strip()]
    plurals = [
        f"{first}s {rest}" for name in names for first, _, rest in [name.partition(" ")] if rest and first != "cubic"
    ]
    return [*names, *plurals, *(f"{name}s" for name in names if name.startswith(("cubic ", "metric ")))]


def find_signs(unit: str, cased: str) -> Iterator[tuple[int, int]]:
    """Yields the places at which a unit occurs as a sign right after a number: `300 K`, `40"`."""
    if signs := _SIGNS.get(unit):
        yield from (match.span("sign") for match in re.finditer(rf"\d ?°?(?P<sign>{signs})(?![\w'\"])", cased))


def is_part_of_unit(unit: str, plain: str, start: int, end: int) -> bool:
    """True if the word of a unit belongs to another one at this place: `mile` in `miles per hour`."""
    if unit not in _NAMES and unit not in _SIGNS and unit not in _SECONDS:
        return False
    whole = plain[start:end]
    if "/" in unit or unit in ("mph", "knot", "m3"):
        return False
    return bool(_RATE.match(plain, end) or ("per" not in whole and _POWER.search(plain[:start])))


def find_durations(plain: str, numbers: Iterable[tuple[int, int]]) -> Iterator[Duration]:
    """Yields the spans of time of a text in lower case: at a number, or at `a`: `three weeks`, `a fortnight`."""
    words = "|".join(_SECONDS)
    for start, end in numbers:
        if match := re.compile(rf"[ -](?P<unit>{words})s?\b").match(plain, end):
            yield Duration(start, match.end(), end, match["unit"])
    for match in re.finditer(rf"\b(?P<count>an?) (?P<unit>{words})\b", plain):
        yield Duration(match.start(), match.end(), match.end("count"), match["unit"])


@cache
def conversion_factor(unit: str, other: str) -> Fraction | None:
    """The number of another unit of time in one of this, or None if either is not such a unit, or they are the same."""
    if unit == other or unit not in _SECONDS or other not in _SECONDS:
        return None
    return Fraction(_SECONDS[unit], _SECONDS[other])
