"""Plausible texts for a JSON Schema of type `string`."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

WORDS = re.findall(
    r"\w+",
    "amber anchor autumn basket blue bridge candle canyon cedar cloud copper coral dawn desert ember falcon fern"
    " field forest garden ginger glacier harbor hazel island ivory jasmine lantern lemon lilac maple marble meadow"
    " mint moon mountain ocean olive orchard pearl pepper pine planet prairie quartz rain river saffron sage shadow"
    " silver sky snow spring stone storm summer sunset thunder tide timber valley velvet violet walnut willow winter",
)

MOST_PARTS = 5000
"""Parts and repeats of a pattern that are followed, and characters that a text is filled up to."""

ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d(.*)")
_CLOCK = re.compile(r"\d\d:\d\d(:\d\d)?")
_PROSE = re.compile(r"[A-Z]?[a-z',]+[.!?]?(?: [A-Za-z][a-z',]*[.!?]?){2,}")


def is_date(schema: dict[str, Any]) -> bool:
    """True if the text is to be a day, written YYYY-MM-DD."""
    if "format" in schema:
        return bool(schema["format"] == "date")
    examples = schema.get("examples") or []
    if examples:
        return all(isinstance(value, str) and ISO_DATE.fullmatch(value) for value in examples)
    return bool(re.search(r"YYYY-MM-DD(?![T ]*hh)|\bISO(?: 8601)? date\b(?! ?-?time)", _about(schema), re.I))


def text_for(schema: dict[str, Any], examples: Sequence[str], random: Random) -> str:
    """A text that the schema accepts: by its format, its examples, its pattern, else a few common words."""
    about, form = _about(schema), schema.get("format")
    if is_date(schema):
        return _day(random)
    if examples and all(map(_MOMENT.fullmatch, examples)):
        joint, rest = _MOMENT.sub(r"\1|\2", examples[0]).split("|")
        return f"{_day(random)}{joint}{_clock(random)}{rest}"
    if schema.get("pattern") and random.random() < (0.25 if examples else 1.0):
        return text_matching(str(schema["pattern"]), random)
    if examples and not (all(map(_PROSE.fullmatch, examples)) and random.random() < 0.6):
        return str(random.choice(examples))
    if form == "date-time" or re.search(r"YYYY-MM-DD[T ]", about, re.I):
        return f"{_day(random)}T{_clock(random)}:00" + ("Z" if form else "")
    if form == "time" or re.search(r"\bHH:MM\b", about, re.I) or (examples and all(map(_CLOCK.fullmatch, examples))):
        return _clock(random) + (":00Z" if form else "")
    if form == "email":
        return f"{random.choice(WORDS)}@example.org"
    if form in ("uri", "url"):
        return f"https://example.org/{random.choice(WORDS)}"
    if form == "uuid":
        digits = f"{random.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], "4" + digits[13:16], "a" + digits[17:20], digits[20:]))
    text = " ".join(random.sample(WORDS, random.randint(2, 6)))
    while len(text) < min(schema.get("minLength", 0), MOST_PARTS):
        text += " " + random.choice(WORDS)
    return text[: schema.get("maxLength", len(text))].strip()


def text_matching(pattern: str, random: Random) -> str:
    """A text that a simple pattern matches: literals, classes, groups, choices and repeats."""
    from re import _parser  # type: ignore[attr-defined]

    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            parts = _parser.parse(pattern[:MOST_PARTS])
        text: str = _walk(parts, random, iter(range(MOST_PARTS)))
    except (re.error, KeyError, IndexError, OverflowError, RecursionError, StopIteration):
        text = random.choice(WORDS)
    return text


_CLASSES = {"CATEGORY_DIGIT": "0123456789", "CATEGORY_WORD": "abcdefgh0123", "CATEGORY_SPACE": " "}


def _walk(parts: Any, random: Random, budget: Iterator[int]) -> str:
    """A text for the parts. Raises `StopIteration` when the budget is used up: repeats of repeats multiply."""
    text = ""
    for op, given in parts:
        next(budget)
        match str(op):
            case "LITERAL":
                text += chr(given)
            case "ANY" | "NOT_LITERAL":
                text += random.choice("abcdefgh")
            case "IN":
                text += _one_of(given, random)
            case "MAX_REPEAT" | "MIN_REPEAT":
                least, most, inner = given
                for _ in range(random.randint(least, min(most, least + 4))):
                    next(budget)
                    text += _walk(inner, random, budget)
            case "SUBPATTERN":
                text += _walk(given[-1], random, budget)
            case "BRANCH":
                text += _walk(random.choice(given[1]), random, budget)
    return text


def _one_of(choices: Any, random: Random) -> str:
    op, given = random.choice([choice for choice in choices if str(choice[0]) != "NEGATE"])
    if str(op) == "RANGE":
        return chr(random.randint(*given))
    return chr(given) if str(op) == "LITERAL" else random.choice(_CLASSES[str(given)])


def _day(random: Random) -> str:
    return (date(2019, 1, 1) + timedelta(days=random.randrange(3200))).isoformat()


def _clock(random: Random) -> str:
    return f"{random.randrange(24):02}:{random.randrange(0, 60, 5):02}"


def _about(schema: dict[str, Any]) -> str:
    return str(schema.get("description") or "")
