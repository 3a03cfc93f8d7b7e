"""Numbers in a text, in digits and in English words, each at its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from ste_graph.distil.reading.normalisation import normalise

UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ORDINALS = {
    word: value
    for value, word in enumerate(
        (
            "zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
            "eleventh", "twelfth", *(f"{word}th" for word in UNITS[13:]),
        )
    )
} | {f"{word[:-1]}ieth": 10 * value for value, word in enumerate(_TENS) if word}  # fmt: skip
_SMALL = (
    {word: value for value, word in enumerate(UNITS)}
    | {word: 10 * value for value, word in enumerate(_TENS) if word}
    | ORDINALS
)
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_AMOUNTS = {
    "once": Fraction(1), "twice": Fraction(2), "thrice": Fraction(3), "single": Fraction(1), "couple": Fraction(2),
    "pair": Fraction(2), "half": Fraction(1, 2), "quarter": Fraction(1, 4), "dozen": Fraction(12),
}  # fmt: skip
_GROUPS = {"dozen": 12, "score": 20}
_GROUP_WORD = "|".join(["hundred", *_GROUPS, *_SCALES])
_SHORT_SCALES = {"k": 10**3, "m": 10**6, "bn": 10**9, "b": 10**9}
_DIGITS = re.compile(
    r"(?:(?<![\w.])|(?<=\dx))(?<![a-z][-_#/])(?P<sign>[-+])?"
    r"(?P<number>\d{1,3}(?:[, ']\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?P<power>e[-+]?\d{1,3})?(?P<unit>(?=x\d)|[a-z%°]*(?!\w))"
)
_NUMBER_WORD = "|".join(sorted({*_SMALL, *_SCALES, *_AMOUNTS, "hundred"}, key=len, reverse=True))
_RUN = re.compile(rf"\b(?:{_NUMBER_WORD})s?\b(?:(?:[ -]|, | and | a | and a | of a )(?:{_NUMBER_WORD}|score)s?\b)*")
_WORD = re.compile(r"[a-z]+")
_PERCENT = re.compile(r" ?(?:%|percent\b|per cent\b)")
_MULTIPLE = re.compile(rf" (?P<scale>{'|'.join((*_SCALES, *_GROUPS))}|and a half|and a quarter)s?\b")
_BROKEN = re.compile(
    rf"\b(?P<whole>an?|{'|'.join(UNITS[1:13])}|\d+) (?!{_GROUP_WORD})[a-z]+ "
    r"(?P<rest>and (?:a|one) (?P<part>half|quarter))\b"
)
_TURNED_AFTER = re.compile(
    r"(?: |-)(?:[a-z]+ ){0,2}?(?:ago|before|earlier|prior|previous|previously|back|backwards?|below|off)\b"
)
_TURNED_BEFORE = re.compile(
    r"\b(?:back|backwards?|last|past|previous|preceding|less|subtract|deduct)(?: by| the| a)? $"
)
_GOING_BACK = re.compile(r"\b(?:(?:count|go|step|work)(?:ing)? back(?:wards?)?|preced(?:es?|ed|ing))\b[^.?!;]*$")
_MINUS = re.compile(r"(?P<term>[\d)] |\b[x-z] |  )?\b(?:minus|negative) $")
_BELOW_ZERO = re.compile(r"(?: ?°[cf]?| degrees?)?(?: (?:celsius|fahrenheit|centigrade))? (?:below|under) zero\b")


class NumberMention(NamedTuple):
    """A number at its place in a text, with the values that it may have: `15%` is 15 or 0.15."""

    start: int
    end: int
    values: frozenset[Fraction]
    turned: bool = False
    """True if a word at the number speaks of going back (`7 days ago`): it may be meant with a minus."""
    spelled: bool = False
    ordinal: bool = False

    @property
    def signed_values(self) -> frozenset[Fraction]:
        """The values, and where a word at the number turns it, those with a minus."""
        return self.values | {-value for value in self.values} if self.turned else self.values

    def scaled(self, factor: Fraction) -> NumberMention:
        """The mention counted in a unit of which so many make one."""
        return self._replace(values=frozenset(value * factor for value in self.values))


def mention_number(plain: str, start: int, end: int, value: Fraction) -> NumberMention:
    """A number that another word stands for, such as `a`, as modified by the words next to it."""
    return _mention(plain, start, end, {value}, spelled=True)


def find_numbers(plain: str) -> list[NumberMention]:
    """The numbers of a text in lower case, in the order of the text."""
    broken = list(_broken_numbers(plain))
    for match in _BROKEN.finditer(plain):
        for start, end in (match.span("whole"), match.span("rest")):
            plain = f"{plain[:start]}{'_' * (end - start)}{plain[end:]}"
    return sorted([*broken, *_digit_numbers(plain), *_spelled_numbers(plain)])


def numbers_in(text: str) -> set[Fraction]:
    """Every number in the text; `15%` gives 15 and 0.15, `twenty-one` gives 21, `7 days ago` gives 7 and -7."""
    return {value for mention in find_numbers(normalise(text)) for value in mention.signed_values}


def digits_in(text: str) -> set[Fraction]:
    """The numbers that the text writes in digits."""
    return {value for mention in _digit_numbers(normalise(text)) for value in mention.values}


def parse_number(text: str) -> Fraction:
    """The exact value of a number as JSON or a person writes it. Raises `ValueError`."""
    return Fraction(text)


def number_text(number: Fraction) -> str:
    """The number in digits."""
    return str(number.numerator) if number.denominator == 1 else f"{float(number):g}"


def _broken_numbers(text: str) -> Iterator[NumberMention]:
    """Yields the numbers whose half comes after the thing counted: `a day and a half`, `2 miles and a quarter`."""
    for match in _BROKEN.finditer(text):
        word = match["whole"]
        whole = Fraction(word) if word.isdigit() else Fraction(_SMALL.get(word, 1))
        yield _mention(text, *match.span("whole"), {whole + _AMOUNTS[match["part"]]}, spelled=True)


def _digit_numbers(text: str) -> Iterator[NumberMention]:
    for match in _DIGITS.finditer(text):
        number = Fraction(re.sub(r"[, ']", "", match["number"]) + (match["power"] or ""))
        number = -number if match["sign"] == "-" else number
        unit, end = match["unit"], match.end()
        values = {number}
        multiple = None if unit else _MULTIPLE.match(text, end)
        if multiple:
            values, end = {_multiply(number, multiple["scale"])}, multiple.end()
        elif unit == "%" or (not unit and _PERCENT.match(text, end)):
            values |= {number / 100}
        values |= {number * scale for name, scale in _SHORT_SCALES.items() if unit == name}
        yield _mention(text, match.start(), match.start("unit") if unit else end, values)


def _spelled_numbers(text: str) -> Iterator[NumberMention]:
    """Yields the numbers in words; a run of number words may hold several."""
    for run in _RUN.finditer(text):
        if text[: run.start()].endswith(("0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "6 ", "7 ", "8 ", "9 ")):
            continue  # `2 million` and `3 dozen` are numbers in digits
        for start, end, value, ordinal in _split_run(text, run):
            values = {value, value / 100} if _PERCENT.match(text, end) else {value}
            yield _mention(text, start, end, values, spelled=True, ordinal=ordinal)


def _split_run(text: str, run: re.Match[str]) -> Iterator[tuple[int, int, Fraction, bool]]:
    """Yields place, value and kind of each number of a run."""
    whole, part = Fraction(0), Fraction(0)
    last, joint, group = -1, "", 1  # `a dozen and a half` are 18
    start, end, ordinal = run.start(), run.start(), False
    for match in _WORD.finditer(text, run.start(), run.end()):
        word = match.group()
        if word in ("and", "a", "of"):
            joint = word
            continue
        joint = "," if "," in text[end : match.start()] else joint
        plural = word.removesuffix("s") if word not in _SMALL else word
        is_new = last >= 0 and not _continues(last, plural, joint, fraction=word == "quarters")
        if is_new:
            yield start, end, whole + part, ordinal
            whole, part, last = Fraction(0), Fraction(0), -1
        if last < 0:
            start = match.start()
        match plural:
            case "hundred":
                part, last = 100 * (part or Fraction(1)), 100
            case _ if plural in _SCALES:
                whole, part, last = whole + _SCALES[plural] * (part or Fraction(1)), Fraction(0), _SCALES[plural]
            case "quarter" if word != plural and last > 0:
                part *= _AMOUNTS[plural]
            case "half" | "quarter" if last >= 0:
                part += _AMOUNTS[plural] * group
            case "dozen" | "score" if last >= 0:
                part = _GROUPS[plural] * (part or Fraction(1))
            case _ if plural in _AMOUNTS:
                part, last = _AMOUNTS[plural], 0 if plural in ("half", "couple") else 1
            case _:
                value = _SMALL[plural]
                part, last = part + value, value
        group = (_GROUPS | _SCALES).get(plural, 1)
        end, ordinal, joint = match.end(), plural in ORDINALS, ""
    yield start, end, whole + part, ordinal


def _continues(last: int, word: str, joint: str, *, fraction: bool = False) -> bool:
    """True if a number word continues the number before it: `twenty one`, `hundred five`, but not `two three`.

    `fraction`: the word is a plural that the number counts, as in `three quarters`.
    """
    if word in ("half", "quarter"):
        return (fraction and not joint and 0 < last < 10) or (joint == "a" and last > 0)
    if word in _GROUPS or word == "hundred" or word in _SCALES:
        return joint not in ("and", ",")
    if word in _AMOUNTS:
        return False
    value = _SMALL[word]
    if last >= 100:
        return joint != "," or last >= 1000
    return not joint and 20 <= last < 100 and last % 10 == 0 and 0 < value < 10


def _multiply(number: Fraction, by: str) -> Fraction:
    if by.startswith("and"):
        return number + (Fraction(1, 2) if by.endswith("half") else Fraction(1, 4))
    return number * (_SCALES | _GROUPS)[by]


def _mention(text: str, start: int, end: int, values: set[Fraction], **kind: bool) -> NumberMention:
    before = text[max(0, start - 24) : start]
    minus = _MINUS.search(before)
    term = minus is not None and minus["term"] is not None  # `10 minus 7` may be a sum to work out
    if (minus and not term) or _BELOW_ZERO.match(text, end):
        return NumberMention(start, end, frozenset(-value for value in values), **kind)
    turned = bool(
        term or _TURNED_BEFORE.search(before) or _TURNED_AFTER.match(text, end) or _GOING_BACK.search(text, 0, start)
    )
    return NumberMention(start, end, frozenset(values), turned, **kind)
