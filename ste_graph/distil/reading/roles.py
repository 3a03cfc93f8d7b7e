"""The parameter to which the words around a value give it: by a label, as a unit next to a number, as from or to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from ste_graph.contracts import Json
from ste_graph.distil.reading.normalisation import identifier_words
from ste_graph.distil.reading.request import Request, TextSpan
from ste_graph.text import singular, word_set

Role: TypeAlias = Literal["from", "to"]

Kind: TypeAlias = Literal["number", "day", "text"]
"""The kind of value that a parameter takes, or that is at a place."""

_FROM = word_set("from source src start begin beginning origin since departure first earlier old input min lower")
_TO = word_set("to target dest destination end finish until into arrival last later new output max upper")
_BETWEEN = (
    r"(?:is|are|=|:|of|set to|equal to|up to|be|being|set|should|must|will|equals?|as|named|called|number|value|the|a"
    r"|an|both)"
)
_NO_VALUE = r"(?! (?!and\b|or\b|but\b|in\b|on\b|at\b|to\b|from\b|for\b|with\b|of\b|please\b|as\b|is\b|then\b)[\w\"'`])"
"""A label that is followed by a value of its own belongs to that value."""
_SKIPPED = r"(?:the|a|an|my|our|your|local|time|date|day|zone|unit|number|account|of|on|in|at)"
_IS_FROM = re.compile(rf"\b(?:from|since|starting|beginning)(?: {_SKIPPED}){{0,2}} [\"'`]?$")
_IS_TO = re.compile(rf"(?:\b(?:to|into|until|till|through|towards|ending)(?: {_SKIPPED}){{0,2}} |-> ?|→ ?)[\"'`]?$")
_BEFORE_TO = re.compile(r"[\"'`]?(?: (?:time|zone|local|degrees|units?|o'clock))* ?(?:\b(?:to|into|until|till)\b|->|→)")
_BETWEEN_FIRST = re.compile(rf"\bbetween(?: {_SKIPPED}){{0,2}} [\"'`]?$")
_IN = re.compile(r"\b(?:in|into) (?:the )?$")
_IN_TERMS = re.compile(r"(?:'s)? (?:time|terms),")
_BETWEEN_DAYS = re.compile(r"\b(?:between|separating)\b")
_SEEN = re.compile(
    r"\b(?:(?:seen|viewed) from|for (?:someone|somebody|anyone|people|us|me|(?:a|my|our|the) \w+)"
    r"(?: \w+ing)? (?:in|at))(?: the)? [\"'`]?$"
)
_ASKED = re.compile(r"\b(?:what|which|how many|how much|how long)\b(?P<rest>[^.?!;]*)$")


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a tool as words: per name the ways to label it, and the role of those that come in pairs."""

    labels: Mapping[str, tuple[str, ...]]
    units: Mapping[str, frozenset[str]]
    roles: Mapping[str, Role]
    partners: Mapping[str, str]
    kinds: Mapping[str, Kind]

    def may_take(self, name: str, kind: Kind) -> bool:
        """True if a value of a kind may be meant for a parameter."""
        return self.kinds[name] in (kind, "text")


def read_parameters(names: Iterable[str], schema: Mapping[str, Json]) -> Parameters:
    """The parameters of a schema, and those of `names` that it does not have."""
    properties = schema.get("properties")
    known: dict[str, Json] = dict(properties) if isinstance(properties, Mapping) else {}
    every = dict.fromkeys([*known, *names])
    return _read(tuple((name, _description(known.get(name)), _kind(known.get(name))) for name in every))


@lru_cache(maxsize=512)
def _read(texts: tuple[tuple[str, str, Kind], ...]) -> Parameters:
    split = {name: tuple(identifier_words(name)) for name, _, _ in texts}
    roles: dict[str, Role] = {}
    partners: dict[str, str] = {}
    for name, parts in split.items():
        for other, others in split.items():
            if _differs_by_role(parts, others):
                roles[name], roles[other] = "from", "to"
                partners[name], partners[other] = other, name
    units = {
        name: frozenset(
            {singular(word) for word in re.findall(r"\b(?:how many|number of) (\w+)", text.lower())}
            | ({singular(split[name][0])} if len(split[name]) == 1 else set())
        )
        for name, text, kind in texts
        if kind == "number"
    }
    labels = {name: parts for name, parts in split.items() if parts}
    return Parameters(labels, units, roles, partners, {name: kind for name, _, kind in texts})


def _differs_by_role(parts: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """True if two names are the same but for a word for from in the first and one for to in the second."""
    if len(parts) != len(others):
        return False
    different = [(a, b) for a, b in zip(parts, others, strict=True) if a != b]
    return len(different) == 1 and different[0][0] in _FROM and different[0][1] in _TO


def find_label(request: Request, span: TextSpan, kind: Kind, parameters: Parameters) -> str | None:
    """The parameter that the words next to a value name: `seed 7`, `the end is …`, `… as the start`; or None.

    Of several the one that is named at greatest length counts; of equals the one before the value.
    """
    before = _strip_quotes(request.plain[max(0, span.start - 60) : span.start].replace("_", " "))
    after = _strip_quotes(request.plain[span.end : span.end + 60].replace("_", " "))
    found: tuple[int, str] | None = None
    for name, parts in parameters.labels.items():
        if not parameters.may_take(name, kind):
            continue
        words = _label_pattern(parts)
        if re.search(rf"(?<!\w){words}(?:(?: ?[:=]| {_BETWEEN}){{0,3}} ?)$", before):
            found = max(found or (0, ""), (2 * len(parts) + 1, name))
        elif re.match(rf" (?:as|for|is|be|to be)(?: the| a| an| its| my)? {words}(?!\w){_NO_VALUE}", after):
            found = max(found or (0, ""), (2 * len(parts), name))
    return found[1] if found else None


def find_labelled_words(request: Request, name: str, parameters: Parameters) -> Iterator[TextSpan]:
    """The places of words that a request gives to a parameter by its name: `form: year`, `with year for the form`.

    Those in quotes are left out: they may belong to a text that the tool is to work on.
    """
    if not (parts := parameters.labels.get(name)):
        return
    label, plain = _label_pattern(parts), request.plain
    after = rf"(?<!\w){label}(?: ?[:=] ?| is (?=[^ ]+?(?:[.;,!?](?: |$)|$)))(?P<word>[\w/+-]+)"
    before = rf"\b(?:use|using|with|take|choose|set) (?P<word>[\w/+-]+) (?:as|for) the {label}(?!\w)"
    for match in (*re.finditer(after, plain), *re.finditer(before, plain)):
        span = TextSpan(*match.span("word"))
        if not request.is_quoted(span):
            yield span


def find_unit_parameters(request: Request, span: TextSpan, parameters: Parameters) -> frozenset[str]:
    """The parameters that count what the word right after a number names: `146 days`, `16 characters`."""
    match = re.match(r"[ -](?P<word>[a-z]+)(?: (?P<next>[a-z]+))?", request.plain[span.end :])
    if match is None:
        return frozenset()
    heard = {singular(match["word"])}
    return frozenset(name for name, units in parameters.units.items() if units & heard)


def role_of(request: Request, span: TextSpan, kind: Kind) -> Role | None:
    """The role that the words around a value give it: where something comes from, or where it goes to."""
    start = request.clause_start(span.start)
    before, after = request.plain[start : span.start], request.plain[span.end : span.end + 30]
    if kind == "text" and _follows_value(request, span):
        return "from"
    if _SEEN.search(before) or (_IN.search(before) and _IN_TERMS.match(after)):
        return "to"
    if kind == "day" and _BETWEEN_DAYS.search(before):
        return None  # the days of a span, whichever comes first
    if _IS_FROM.search(before) or _BETWEEN_FIRST.search(before):
        return "from"
    if _IS_TO.search(before):
        return "to"
    if _BEFORE_TO.match(after):
        return "from"
    between = re.search(r"\bbetween\b(?P<rest>.*) and (?:the )?[\"'`]?$", before)
    if between:
        return "to"
    asked = _ASKED.search(before) if kind != "day" else None
    if asked and not re.search(r"\d|\bwhen\b|\bif\b", asked["rest"]):
        return "to"
    return None


def _follows_value(request: Request, span: TextSpan) -> bool:
    """True if a place right after a number names its unit, or right after a time of day where that time is kept."""

    def gap(end: int) -> str:
        return request.plain[end : span.start].strip(" \"'`-°")

    counted = any(n.end <= span.start and gap(n.end) in ("", "of", "of a", "of an", "degrees") for n in request.numbers)
    ends = [time.end for time in request.times] + [day.end for day in request.days if request.times]
    kept = any(end <= span.start and gap(end).strip(", ") in ("", "in", "at", "in the") for end in ends)
    return counted or kept


def opposite(role: Role) -> Role:
    """The other role."""
    return "to" if role == "from" else "from"


def _kind(schema: Json) -> Kind:
    if not isinstance(schema, Mapping):
        return "text"
    types = schema.get("type")
    if types in ("integer", "number"):
        return "number"
    return "day" if schema.get("format") == "date" else "text"


def _description(schema: Json) -> str:
    return str(schema.get("description") or "") if isinstance(schema, Mapping) else ""


@lru_cache(maxsize=2048)
def _label_pattern(parts: tuple[str, ...]) -> str:
    return "[ -]?".join(map(re.escape, parts))


def _strip_quotes(text: str) -> str:
    return re.sub(r"[\"'`]", "", text)
