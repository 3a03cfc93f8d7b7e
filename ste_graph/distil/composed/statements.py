"""Statements of SQL, conditions of filters, and the expressions of search boxes, as their parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from ste_graph.distil.composed.composition import Atom, Composition, direction_of, label_name, whole_periods
from ste_graph.distil.reading.dates import parse_day
from ste_graph.text import word_set

_VERBS = re.compile(r"\s*(?P<verb>select|with|insert|update|delete|explain|create|drop|alter|replace)\b", re.IGNORECASE)
_KEYWORDS = word_set(
    "select from where and or not in is null like ilike glob between as on using join inner left right full outer "
    "cross natural group by order having limit offset distinct all union except intersect case when then else end "
    "asc desc nulls first last exists any some insert into values update set delete with recursive over partition "
    "rows range true false cast escape collate nocase fetch next only top explain create table drop alter eq ne gt ge "
    "gte lt le lte has contains startswith endswith replace returning default interval date timestamp current_date"
)
_BREAKS = word_set("and or where having on when then else order group limit select from union set values")
_NEGATIONS = word_set("not ne <> != except")
_TOKEN = re.compile(
    r"(?P<string>'(?:[^']|'')*')|(?P<quoted>\"[^\"]*\"|`[^`]*`)|(?P<number>(?<![\w.])\d+(?:\.\d+)?(?!\w))"
    r"|(?P<word>[^\W\d]\w*(?:\.[^\W\d]\w*)*)|(?P<sign><=|>=|<>|!=|==|[^\s\w])"
)
_ALIAS = re.compile(
    r"\bas\s+[\"`]?(\w+)|(?:\bwith|,)\s+(\w+)\s+as\s*\(|\b(?:from|join)\s+[\w.]+\s+(?!(?:where|on|join|inner|left|right"
    r"|full|cross|natural|group|order|limit|having|union|using|set|as)\b)(\w+)", re.IGNORECASE
)  # fmt: skip
_OPERATORS = word_set("= == != <> < > <= >= eq ne gt ge gte lt le lte like ilike glob in is contains between")
_EXACT = word_set("= == eq in is")
_SHAPING = word_set("round substr substring coalesce ifnull left right printf nullif lpad strftime date_trunc count")
"""The functions whose plain numbers and formats say how a result is shown, and not which one is meant."""
_CONDITION = re.compile(r"\w\s*(?:[=<>]|!=)|\b(?:eq|ne|gt|ge|lt|le|like|contains|in) ['\"(\d]")
_TERM = re.compile(
    r"(?P<minus>(?<![\w)])[-!])?(?:(?P<key>[^\W\d][\w.]*)(?P<sign>:[<>]=?|[:<>=]=?)(?=[^\s/])(?:\((?P<group>[^()]*)\)"
    r"|(?P<quote>\"[^\"]*\"|'[^']*')|(?P<plain>[^\s()\"]+))|\"(?P<phrase>[^\"]+)\"|(?P<word>[^\s()\"]+))|[()]"
)
_SEARCH_KEYS = word_set(
    "from to cc bcc subject title after before since until has is in label larger smaller filename site type filetype "
    "ext extension lang language author repo user state tag tags topic body intitle inurl sort order date size older "
    "newer newer_than older_than year category"
)
_SORTS = {"asc": "asc", "ascending": "asc", "desc": "desc", "descending": "desc"}


def decompose_statement(value: str) -> Iterator[Composition]:
    """Yields a statement of SQL as its tables, columns and values."""
    if match := _VERBS.match(value):
        verb = match["verb"].lower()
        operators = () if verb in ("with", "explain") else (verb,)
        yield Composition("SQL", tuple(_parts(value, bare=False)), operators=(*operators, *_sorts(value)))


def decompose_condition(value: str) -> Iterator[Composition]:
    """Yields the condition of a filter (`state eq 'open' and points > 3`) as its fields and values."""
    if _CONDITION.search(value) and not _VERBS.match(value):
        yield Composition("filter", tuple(_parts(value, bare=True)), operators=_sorts(value))


def decompose_search(value: str) -> Iterator[Composition]:
    """Yields the expression of a search box as its keys and values."""
    terms = list(_TERM.finditer(value))
    formed = [term for term in terms if term["key"] or term["phrase"] or term["minus"] or term["word"] in ("AND", "OR")]
    if not formed or "://" in value or value[:1] in "{[":
        return
    atoms: list[Atom] = []
    negated = False
    for term in terms:
        if term["word"] in ("AND", "OR", "NOT"):
            negated = term["word"] == "NOT"
            continue
        negated = negated or bool(term["minus"])
        if key := term["key"]:
            if key.lower() not in _SEARCH_KEYS:
                atoms.append(Atom(key, is_name=True, is_declared=True))
            given = [term["plain"], term["quote"], *re.findall(r"\"[^\"]+\"|\S+", term["group"] or "")]
            direction = direction_of(term["sign"]) or direction_of(key)
            atoms += [
                Atom(text.strip("\"'"), label_name(key), is_negated=negated, direction=direction)
                for text in given
                if text and text not in ("OR", "AND") and text.lower() not in _SORTS
            ]
        elif text := term["phrase"] or term["word"]:
            atoms.append(Atom(text, is_negated=negated))
        negated = False
    yield Composition("search", tuple(atoms), operators=_sorts(value))


def decompose_sort(value: str) -> Iterator[Composition]:
    """Yields the name of the sort key: `price desc`, `-created`, `created:desc`."""
    match = re.fullmatch(r"(?P<sign>[-+])?(?P<name>[^\W\d][\w.]*)(?:[ :,]+(?P<way>asc|desc|ascending|descending))?", value, re.I)  # fmt: skip  # noqa: E501
    if match and (match["sign"] or match["way"]):
        way = _SORTS[match["way"].lower()] if match["way"] else "desc" if match["sign"] == "-" else "asc"
        yield Composition("order", (Atom(match["name"], is_name=True),), operators=(way,))


def _sorts(value: str) -> tuple[str, ...]:
    return tuple(_SORTS[word] for word in re.findall(r"\w+", value.lower()) if word in _SORTS)


def _parts(value: str, *, bare: bool) -> Iterator[Atom]:
    """Yields the names and values; `bare`: a word after an operator is a value, as filters write it."""
    aliases = {name.lower() for found in _ALIAS.findall(value) for name in found if name}
    tokens = [(match.lastgroup or "", match.group()) for match in _TOKEN.finditer(value)]
    label, operator, negated, functions, previous = "", "", False, [""], ""
    values: list[tuple[str, Atom]] = []
    for (kind, text), (_, following) in pairwise([*tokens, ("", "")]):
        low = text.lower()
        if kind == "word" and following == "(" and low not in _OPERATORS and low not in _BREAKS:
            previous = low
            continue
        if low == "(":
            functions.append(previous)
        elif low == ")" and len(functions) > 1:
            functions.pop()
        elif low in _BREAKS and not (low == "and" and operator == "between"):
            label, operator, negated = "limit" if low == "limit" else "", "", False
        elif kind in ("word", "quoted") and (low not in _KEYWORDS or kind == "quoted") and not (bare and operator):
            for name in low.strip('"`').split("."):
                if name not in aliases:
                    yield Atom(name, is_name=True, is_declared=True)
            label = label_name(low.strip('"`').split(".")[-1])
        elif kind in ("string", "number", "word", "quoted") and low not in _KEYWORDS:
            given = text[1:-1].replace("''", "'") if kind in ("string", "quoted") else text
            given = given.strip("%").strip() if operator in ("like", "ilike") else given
            shaping = functions[-1] in _SHAPING and not operator and (kind == "number" or "%" in given)
            if given and not shaping:
                atom = Atom(
                    given, label, is_negated=negated, is_exact=operator in _EXACT, direction=direction_of(operator)
                )
                values.append((operator, atom))
        negated = negated or low in _NEGATIONS
        if low in _OPERATORS:
            operator = low
        previous = ""
    yield from _join_days(values)


def _join_days(values: list[tuple[str, Atom]]) -> Iterator[Atom]:
    """The values, two days that hold a whole month or year between them as one span."""
    skip = False
    for (operator, atom), (_, after) in pairwise([*values, ("", Atom(""))]):
        if skip:
            skip = False
            continue
        first, last = parse_day(str(atom.value)), parse_day(str(after.value))
        bounded = operator == "between" or (atom.direction, after.direction) == ("up", "down")
        period = next(whole_periods(first, last), None) if first and last and bounded else None
        skip = period is not None
        yield Atom(f"{first}/{last}", atom.label) if period else atom
