"""Composed values as their parts: a query, JSON text, an address, a list, a path, a span of time.

A part is a value, which the request or a result must state, or a name of the form's own, such as a column. Text that
the form brings itself (`SELECT`, `from:`, `https`) is not a part.
"""

from __future__ import annotations

import calendar
import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import unquote_plus

from ste_graph.contracts import Json
from ste_graph.distil.leaves import schema_leaves
from ste_graph.distil.reading.dates import parse_day, parse_moment
from ste_graph.distil.reading.normalisation import identifier_words
from ste_graph.text import word_set

Direction: TypeAlias = Literal["up", "down"]
"""The side of a value that a comparison asks for: more or later, less or earlier."""

LONGEST = 4_000
"""The characters up to which a value is taken apart."""
_LONGEST_SPAN = 80
_SEPARATORS = (",", ";", "|")
_LISTS = re.compile(r"\b(?:comma|semicolon|separated|lists?|joined|several|latitude)\b")
_SPAN = re.compile(r"(?P<first>[^/]+?)(?:/|\.\.| to | - |,)(?P<last>[^/]+)")
_MONTH = re.compile(r"\d{4}-\d{2}")
_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^/?#]+)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<hash>.*))?",
                  re.IGNORECASE)  # fmt: skip
_STEP = re.compile(
    r"(?P<dots>\.{1,2})?(?P<name>[^\W\d][\w-]*)|\[(?P<index>-?\d+)\]|\[(?P<quote>['\"])(?P<key>.+?)(?P=quote)\]"
    r"|\[\?\(?(?P<test>[^\]]+?)\)?\]|\.?\*|\[(?:\*|:|\d*:\d*)?\]"
)
_QUANTITY = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[A-Za-z]{1,2})")
_SEARCHES = word_set("q query search s k term")
"""The keys that addresses have for what is searched for."""
_ID_WORDS = word_set("id no nr number code key")


class Atom(NamedTuple):
    """A part of a composed value: `label` says what it is the value of, `alternatives` what may be stated in its place.

    `is_name`: it is a name of the form's own. `is_declared`: the tool's description may give that name, too.
    `is_negated`: the form excludes the value. `is_exact`: it asks for just that value, not for one that has it in it.
    """

    value: Json
    label: str = ""
    is_name: bool = False
    is_declared: bool = False
    is_negated: bool = False
    is_exact: bool = False
    direction: Direction | None = None
    alternatives: tuple[Json, ...] = ()


class Composition(NamedTuple):
    """A composed value in one form; `ordered` are the pairs of parts, by place, that are stated in this order."""

    form: str
    atoms: tuple[Atom, ...]
    ordered: tuple[tuple[int, int], ...] = ()
    differences: tuple[tuple[int, int], ...] = ()
    """The pairs of which the second is subtracted from the first."""
    operators: tuple[str, ...] = ()
    """The operations of the form on its values: the operators of a sum, the verb of a statement, `asc` and `desc`."""


def label_name(name: str) -> str:
    """The words by which people call what a name stands for: `product` for `product_id`."""
    parts = identifier_words(name)
    while len(parts) > 1 and parts[-1] in _ID_WORDS:
        parts.pop()
    return " ".join(parts)


def decompose_json(value: str) -> Iterator[Composition]:
    """Yields a JSON text as its keys and plain values."""
    if not value.startswith(("{", "[")):
        return
    try:
        parsed = json.loads(value)
        found = list(schema_leaves(parsed, {})) if isinstance(parsed, dict | list) else []
    except (ValueError, RecursionError):
        return
    if not found:
        return
    names = dict.fromkeys(next(step for step in leaf.path if isinstance(step, str)) for leaf in found if leaf.parameter)
    keys = (Atom(name, is_name=True, is_declared=True) for name in names)
    yield Composition("JSON", (*keys, *(Atom(leaf.value, label_name(leaf.parameter)) for leaf in found)))


def decompose_url(value: str) -> Iterator[Composition]:
    """Yields an address as its base or its host and the parts of its path, and the parts of its query."""
    match = _URL.fullmatch(value)
    if match is None:
        return
    query = [part.partition("=") for part in (match["query"] or "").split("&") if part]
    extra = [Atom(unquote_plus(key), is_name=True, is_declared=True) for key, _, _ in query if key not in _SEARCHES]
    extra += [Atom(unquote_plus(item), label_name(unquote_plus(key))) for key, _, item in query if item]
    extra += [Atom(unquote_plus(match["hash"]))] if match["hash"] else []
    base, path = f"{match['scheme']}://{match['host']}", match["path"]
    if extra:
        yield Composition("address", (Atom(base + path), *extra))
        if path.endswith("/"):
            yield Composition("address", (Atom((base + path).rstrip("/")), *extra))
    for start, end in _splits(path):
        yield Composition("address", (Atom(base + start), Atom(unquote_plus(end)), *extra))
    rest = (Atom(unquote_plus(path.strip("/"))),) if path.strip("/") else ()
    yield Composition("address", (Atom(match["host"]), *rest, *extra))


def decompose_path(value: str) -> Iterator[Composition]:
    """Yields a path of a file, with or without `*`, as its parts."""
    if "*" in value:
        parts = [part.strip("/.?-_") for part in value.split("*")]
        if any(parts) and not re.search(r"[\s()=<>]", value):
            yield Composition("path", tuple(Atom(part) for part in parts if part))
        return
    if "/" in value and not re.search(r"\s/|/\s|://", value):
        for start, end in _splits(value):
            yield Composition("path", tuple(Atom(part) for part in (start, end) if part.strip("/")))
    elif re.fullmatch(r"[\w-]+\.[A-Za-z]\w{0,4}", value):
        yield Composition("file", tuple(Atom(part) for part in value.split(".")))


def decompose_json_path(value: str) -> Iterator[Composition]:
    """Yields a path into a document (`$.books[0].title`, `settings.display`) as its keys and positions."""
    rest = value.removeprefix("$")
    steps = list(_STEP.finditer(rest))
    if "".join(step.group() for step in steps) != rest or (value == rest and len(steps) < 2):
        return
    atoms: list[Atom] = []
    for step in steps:
        if name := step["name"] or step["key"]:
            atoms.append(Atom(name, is_name=True))
        elif step["index"]:
            place = int(step["index"])
            atoms.append(
                Atom("last") if place == -1 else Atom(place + 1, alternatives=(f"index {place}", f"position {place}"))
            )
        elif step["test"]:
            tests = re.findall(r"@?\.?([\w.]+)\s*([=!<>]=?)\s*(?:'([^']*)'|\"([^\"]*)\"|([\w.]+))", step["test"])
            for name, operator, *given in tests:
                atoms.append(Atom(name, is_name=True))
                atoms.append(Atom("".join(given), label_name(name), is_negated=operator[0] == "!", direction=direction_of(operator)))  # fmt: skip  # noqa: E501
    if atoms:
        yield Composition("path into a document", tuple(atoms))


def decompose_list(value: str, schema: Mapping[str, Json], parameter: str) -> Iterator[Composition]:
    """Yields a list that is written as a text as its items; where a description names their places, by these names."""
    about = str(schema.get("description") or "").lower()
    listed = _LISTS.search(about) or (parameter.endswith("s") and not parameter.endswith("ss"))
    for separator in _SEPARATORS:
        items = [item.strip() for item in value.split(separator)]
        if len(items) < 2 or not all(items) or (f"{separator} " in value and not listed):
            continue
        named = re.findall(r"[a-z_]+", about) if re.fullmatch(rf"[a-z_]+(?: ?{re.escape(separator)} ?[a-z_]+)+", about) else []  # fmt: skip  # noqa: E501
        labels = named if len(named) == len(items) else [""] * len(items)
        numbers = all(re.fullmatch(r"[-+]?\d+(?:\.\d+)?", item) for item in items)
        atoms = tuple(Atom(item, label) for item, label in zip(items, labels, strict=True))
        yield Composition("list", atoms, tuple(pairwise(range(len(atoms)))) if numbers else ())


def is_span(value: str) -> bool:
    """True if a value is written as a span of time."""
    match = _SPAN.fullmatch(value) if len(value) <= _LONGEST_SPAN else None
    ends = [match["first"].strip(), match["last"].strip()] if match else [""]
    return all(_day_of(end) or _MONTH.fullmatch(end) for end in ends)


def decompose_span(value: str) -> Iterator[Composition]:
    """Yields a span of time (see `is_span`) as its ends; one that is a whole month or year also as that."""
    match = _SPAN.fullmatch(value)
    if match is None:
        return
    ends = [match["first"].strip(), match["last"].strip()]
    first, last = map(_day_of, ends)
    for period in whole_periods(first, last) if first and last else ():
        yield Composition("span", (Atom(period),))
    moments = [parse_moment(end) for end in ends]
    if first and first == last and all(moments):
        clock = [Atom(moment[1].isoformat("minutes")) for moment in moments if moment]
        yield Composition("span", (Atom(str(first)), *clock), ((1, 2),))
    if sorted(ends) == ends:
        yield Composition("span", tuple(Atom(end) for end in ends))


def decompose_time(value: str, direction: Direction | None) -> Iterator[Composition]:
    """Yields a moment as its day and its time; a day at the edge of a month or year as that.

    `direction` is the side of it that is asked for: `before 2023` is before the first day of 2023, not of 2024.
    """
    if day := parse_day(value):
        for period in edges(day, may_follow=direction != "down"):
            yield Composition("day", (Atom(period),))
    elif (moment := parse_moment(value)) and moment[0]:
        whole = moment[1] in (dt.time(0), dt.time(23, 59, 59), dt.time(23, 59))
        clock = () if whole else (Atom(moment[1].isoformat("minutes")),)
        yield Composition("moment", (Atom(moment[0].isoformat()), *clock))


def decompose_quantity(value: str) -> Iterator[Composition]:
    """Yields a number with a short unit, such as `10M` or `7d`, as a number and its unit."""
    if match := _QUANTITY.fullmatch(value):
        yield Composition("quantity", (Atom(f"{match['number']} {match['unit'].lower()}"),))


def direction_of(operator: str) -> Direction | None:
    """The side that an operator of comparison asks for."""
    word = operator.lower().strip(":")
    if word in (">", ">=", "gt", "ge", "gte", "after", "since", "from_date", "larger", "newer", "min", "newer_than"):
        return "up"
    return "down" if word in ("<", "<=", "lt", "le", "lte", "before", "until", "smaller", "older", "max", "older_than") else None  # fmt: skip  # noqa: E501


def whole_periods(first: dt.date, last: dt.date) -> Iterator[str]:
    """The month or the year exactly between two days, the last one in it or right after it."""
    for end in (last, _day_before(last)):
        if (first.day, end.day) == (1, calendar.monthrange(end.year, end.month)[1]) and first.year == end.year:
            if first.month == end.month:
                yield f"{first:%Y-%m}"
            elif (first.month, end.month) == (1, 12):
                yield f"{first.year}"


def edges(day: dt.date, *, may_follow: bool) -> Iterator[str]:
    """The months and years that a day begins or ends, or, with `may_follow`, comes right after."""
    for near in (day, _day_before(day)) if may_follow else (day,):
        if near.day == calendar.monthrange(near.year, near.month)[1] or (near.day == 1 and near == day):
            yield f"{near:%Y-%m}"
            if (near.month, near.day) in ((1, 1), (12, 31)):
                yield f"{near.year}"


def _day_before(day: dt.date) -> dt.date:
    return day - dt.timedelta(1) if day > dt.date.min else day


def _splits(path: str) -> Iterator[tuple[str, str]]:
    """The ways to cut a path in two, the longest start first; of a long path the last ones."""
    places = [match.start() for match in re.finditer("/", path)][-6:]
    for place in reversed(places):
        if path[place + 1 :]:
            yield path[:place], path[place:] if place == 0 or path[:place].strip("/") == "" else path[place + 1 :]


def _day_of(value: str) -> dt.date | None:
    if day := parse_day(value):
        return day
    moment = parse_moment(value)
    return moment[0] if moment else None
