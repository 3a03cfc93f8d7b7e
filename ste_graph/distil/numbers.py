"""Numbers in a text, in digits and in English words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ste_graph.distil.normalisation import normalise

_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = (
    "zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth",
)  # fmt: skip
_SMALL = (
    {word: value for value, word in enumerate(_UNITS)}
    | {word: value for value, word in enumerate(_ORDINALS)}
    | {word: 10 * value for value, word in enumerate(_TENS) if word}
    | {f"{word}th": value for value, word in enumerate(_UNITS) if value > 12}
    | {f"{word[:-1]}ieth": 10 * value for value, word in enumerate(_TENS) if word}
)
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_WHOLE = {"dozen": 12.0, "half": 0.5, "quarter": 0.25, "once": 1.0, "twice": 2.0, "thrice": 3.0, "single": 1.0}
_TIMES = {"k": 10**3, "m": 10**6, "bn": 10**9, "b": 10**9}
_DIGITS = re.compile(
    r"(?<![\w.])(?P<sign>[-+])?(?P<number>\d{1,3}(?:[, ']\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?P<power>e[-+]?\d{1,3})?(?P<unit>[a-z%°]*)"
)
_WORD = re.compile(r"[a-z]+")
_BACK = re.compile(r"\b(?:minus|negative|ago|before|back(?:wards?)?|earlier|prior|previous|below|past|last|less)\b")


def numbers_in(text: str) -> set[float]:
    """Every number in the text; `15%` gives 15 and 0.15, `3k` gives 3000, `twenty-one` gives 21.

    Where the text speaks of going back (`7 days ago`, `minus 7`), each number also counts with a minus.
    """
    plain = normalise(text)
    spelled = set(_worded_numbers(plain))
    found = set(_digit_numbers(plain)) | spelled
    if "percent" in plain or "per cent" in plain:
        found |= {number / 100 for number in spelled}
    return found | {-number for number in found} if _BACK.search(plain) else found


def digits_in(text: str) -> set[float]:
    """The numbers that the text writes in digits."""
    return set(_digit_numbers(normalise(text)))


def _digit_numbers(text: str) -> Iterator[float]:
    for match in _DIGITS.finditer(text):
        number = float(re.sub(r"[, ']", "", match["number"]) + (match["power"] or ""))
        number = -number if match["sign"] == "-" else number
        yield number
        if re.search(r"[, ']", match["number"]):  # a list without blanks: `1,200` may be two numbers
            yield from (float(part) for part in re.split(r"[, ']", match["number"]))
        unit = match["unit"]
        following = text[match.end() :].lstrip()
        if unit == "%" or following.startswith(("%", "percent", "per cent")):
            yield number / 100
        yield from (number * scale for name, scale in _TIMES.items() if unit == name)
        yield from (number * scale for name, scale in _SCALES.items() if following.startswith(name))


def _worded_numbers(text: str) -> Iterator[float]:
    """Yields the numbers in words: each run of number words together, and every word of it by itself."""
    whole, part, open_run = 0, 0, False
    last = 0
    for match in _WORD.finditer(text):
        word = match.group()
        if open_run and word != "and" and (word not in _SMALL and word != "hundred" and word not in _SCALES):
            yield float(whole + part)
            whole, part, open_run = 0, 0, False
        if word in _SMALL:
            value = _SMALL[word]
            if open_run and not _continues(last, value):
                yield float(whole + part)
                whole, part = 0, 0
            part, open_run, last = part + value, True, value
            yield float(value)
        elif word == "hundred":
            part, open_run, last = 100 * (part or 1), True, 100
        elif word in _SCALES:
            whole, part, open_run, last = whole + _SCALES[word] * (part or 1), 0, True, _SCALES[word]
        elif word in _WHOLE:
            yield _WHOLE[word]
    if open_run:
        yield float(whole + part)


def _continues(last: int, value: int) -> bool:
    """True if a number word continues the number before it: `twenty one`, `hundred five`, but not `two three`."""
    return last >= 100 or (20 <= last < 100 and last % 10 == 0 and 0 < value < 10)
