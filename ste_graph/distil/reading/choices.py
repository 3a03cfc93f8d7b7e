"""The statements of a request about switches and about parameters that choose among values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ste_graph.contracts import Json
from ste_graph.distil.reading.normalisation import identifier_words
from ste_graph.distil.reading.request import Request, TextSpan
from ste_graph.distil.reading.roles import Parameters, find_label, find_labelled_words
from ste_graph.text import singular, word_set

_NO: Final = (
    r"(?:no|not|n't|without|never|exclude|excluding|except|skip|omit|avoid|leave out|leaving out|disable|drop|minus"
    r"|free of|instead of|rather than)"
)
_NEGATED_BEFORE = re.compile(rf"(?:\b|(?<=\w)){_NO}(?: [\w'-]+)*? ?$")
_ANSWER: Final = r"(?P<answer>yes|no|on|off|true|false|enabled|disabled|not|without|none)\b"
_ANSWER_AFTER = re.compile(rf"(?: ?[:=]| is| are| be| set| to| turned| should be)*[ =:]+{_ANSWER}")
_ANSWER_BEFORE = re.compile(r"\b(?P<answer>yes|no|on|off|true|false) (?:for|as)(?: the)? $")
_UNWANTED_AFTER = re.compile(
    r" (?:away|out|aside)\b| (?:are |is )?(?:not (?:needed|wanted|required|allowed)|excluded|forbidden)"
)
_NONE_OF_THEM = re.compile(r"\b(?:without any|with none|none of them|leave (?:them|it) (?:out|away))(?= ?[.,;:!?]|$)")
_YES: Final = frozenset({"yes", "on", "true", "enabled"})
_AUXILIARY: Final = word_set("is has are use include with enable allow show should do add want only flag mode")
_INVERTING: Final = word_set("no without exclude disable skip ignore hide omit")
_ALL: Final = frozenset({"all", "any", "both", "auto", "every", "everything"})
_OTHER_WORDS: Final[Mapping[str, re.Pattern[str]]] = {
    name: re.compile(rf"(?<!\w)(?:{pattern})(?!\w)")
    for name, pattern in {
        "symbol": r"special (?:characters?|signs?)|punctuation(?: marks?| characters?)?",
        "weekday": r"(?:working|business|work|week) ?days?|(?:monday|mon) (?:to|through|till|until|-) (?:friday|fri)"
        r"|(?:without|excluding|except(?: for)?|not counting|leaving out|skipping|ignoring|no)(?: the)?"
        r" (?:weekends?|saturdays? (?:and|or) sundays?)",
        "frequent": r"frequent(?:ly)?|common(?:ly)?|often",
    }.items()
} | {"ordinal": re.compile(r"(?<=\d)(?:st|nd|rd|th)(?!\w)")}
"""By a word of a name, what people say for it."""
_IDIOM = re.compile(
    r"\b(?:in (?:(?:other|a few|so many|plain) words|a (?:word|sentence)(?: or two)?|order to|all|the first place)"
    r"|word has it|(?:first|above|after|best) (?:of )?all|at (?:first|last|all)|all (?:told|in all|right)"
    r"|(?<!as )(?:this|last|next|every|each|per|new|once a|a|one) (?:year|month|week)(?:'s)?(?: ago)?)\b"
)
_OR_NOT = re.compile(r" or (?:not|no|weekends?|holidays?)\b")
_POINTING = re.compile(r"\b(?:this|following) $")
_ASKED_BEFORE = re.compile(
    r"\b(?:how many|number of|count(?:s|ing)?(?: of| up)?|only|just|nothing but)(?: the| all| its)? $"
)
_ASKED_AFTER = re.compile(r" (?:count|only)\b")
_GIVEN_BEFORE = re.compile(r"\b(?:in|into|as|to|with|using|for|by)(?: the| a| an)? [\"'`]?$")
_ALIAS = r"(?<![\w]){choice}(?: for | = |: | \()(?P<alias>[\w-]+)"


def read_switch(request: Request, name: str) -> bool | None:
    """The value of a switch by the request's own words: with, yes: True; without, no: False; None if nothing."""
    parts = identifier_words(name)
    inverted = bool(parts) and parts[0] in _INVERTING
    wanted = [word for word in parts if word not in _AUXILIARY and word not in _INVERTING and len(word) > 2]
    if not wanted:
        return None
    found: bool | None = None
    for span in _find_together(request, wanted):
        verdict = _read_at(request, span)
        if verdict is not None:
            found = verdict
    if found and _NONE_OF_THEM.search(request.plain):
        found = False
    return None if found is None else found != inverted


def _find_together(request: Request, wanted: Sequence[str]) -> Iterator[TextSpan]:
    """The places of the last of some words, where the others occur in the same clause."""
    forms = [_forms(word) for word in wanted]
    for match in re.finditer(rf"(?<!\w){forms[-1]}(?!\w)", request.plain.replace("_", " ")):
        span = TextSpan(match.start(), match.end())
        clause = _clause_around(request, span)
        if not request.is_quoted(span) and all(re.search(rf"(?<!\w){form}(?!\w)", clause) for form in forms[:-1]):
            yield span


def _clause_around(request: Request, span: TextSpan) -> str:
    return request.plain[request.clause_start(span.start) : request.clause_end(span.end)]


def _forms(word: str) -> str:
    """A pattern for a word with the endings that it may have in a sentence."""
    stem = singular(word)
    if other := _OTHER_WORDS.get(stem):
        return rf"(?:{re.escape(stem)}s?|{other.pattern})"
    stem = stem.removesuffix("e") if len(stem) > 4 else stem
    return rf"{re.escape(stem)}(?:e|s|es|ed|ing|{re.escape(stem[-1])}ed|{re.escape(stem[-1])}ing)?"


def _read_at(request: Request, span: TextSpan) -> bool | None:
    after = request.plain[span.end : span.end + 40]
    before = request.plain[request.clause_start(span.start) : span.start]
    if answer := _ANSWER_AFTER.match(after) or _ANSWER_BEFORE.search(before):
        return answer["answer"] in _YES
    return not (_UNWANTED_AFTER.match(after) or _NEGATED_BEFORE.search(before))


def stated_choices(request: Request, schema: Mapping[str, Json]) -> dict[str, list[TextSpan]]:
    """The places at which a request names each of the texts that a parameter chooses among, and does not negate it."""
    choices = [choice for choice in schema.get("enum") or () if isinstance(choice, str) and choice.strip()]
    about = str(schema.get("description") or "")
    places = {choice: list(_places(request, choice, about)) for choice in choices}
    every = [span for spans in places.values() for span in spans]
    return {
        choice: kept
        for choice, spans in places.items()
        if (kept := [span for span in spans if not any(other != span and other.holds(span) for other in every)])
    }


def _places(request: Request, choice: str, about: str) -> Iterator[TextSpan]:
    aliases = re.findall(_ALIAS.format(choice=re.escape(choice.lower())), about.lower())
    idioms = [TextSpan(match.start(), match.end()) for match in _IDIOM.finditer(request.plain)]
    spans = [span for form in dict.fromkeys([choice, *aliases]) for span in request.find_words(form)]
    if other := _OTHER_WORDS.get(singular(choice.lower())):
        spans += [TextSpan(match.start(), match.end()) for match in other.finditer(request.plain)]
    for span in [*spans, *_find_scattered(request, choice)]:
        inside = any(quote.holds(span) and quote != span for quote in request.quotes)
        dated = any(TextSpan(day.start, day.end).overlaps(span) for day in request.days)  # `the first of May`
        idiom = any(other.holds(span) for other in idioms) or _POINTING.search(request.plain[: span.start])
        if not inside and not dated and not idiom and not request.is_negated(span):
            yield span


def _find_scattered(request: Request, choice: str) -> Iterator[TextSpan]:
    """The places of a choice of several words that occur apart in one clause: `what word occurs most often`."""
    parts = identifier_words(choice)
    if len(parts) < 2:
        return
    for span in _find_together(request, parts):
        start = request.clause_start(span.start)
        clause = _clause_around(request, span)
        found = [re.search(rf"(?<!\w){_forms(part)}(?!\w)", clause) for part in parts]
        places = [match.span() for match in found if match]
        yield TextSpan(start + min(places)[0], start + max(place[1] for place in places))


def _drop_alternatives(request: Request, stated: dict[str, list[TextSpan]]) -> dict[str, list[TextSpan]]:
    """The choices without the places at which a request leaves open which it is: `in English or German words`."""
    every = [span for spans in stated.values() for span in spans]
    left = {
        choice: [
            span
            for span in spans
            if not any(_are_alternatives(request, span, other) for other in every)
            and not _OR_NOT.match(request.plain, span.end)
        ]
        for choice, spans in stated.items()
    }
    return {choice: spans for choice, spans in left.items() if spans}


def _are_alternatives(request: Request, first: TextSpan, second: TextSpan) -> bool:
    start, end = min(first.end, second.end), max(first.start, second.start)
    return start < end and re.fullmatch(r",? or (?:in |as |the |an? )?", request.plain[start:end]) is not None


def _keep_foremost(request: Request, stated: dict[str, list[TextSpan]]) -> dict[str, list[TextSpan]]:
    """The choices that a request asks for, else those that it speaks of in the place of one, else all.

    `My German teacher wants it in English` asks for English, and `on weekdays, but how many days` for days.
    """
    if not stated:
        return stated
    ranks = {choice: max(_rank(request, span) for span in spans) for choice, spans in stated.items()}
    return {choice: spans for choice, spans in stated.items() if ranks[choice] == max(ranks.values())}


def _rank(request: Request, span: TextSpan) -> int:
    before, after = request.plain[: span.start], request.plain[span.end :]
    span_text = request.plain[span.start : span.end]
    if _ASKED_BEFORE.search(before) or _ASKED_AFTER.match(after):
        return 2
    if any(" " in span_text and other.fullmatch(span_text) for other in _OTHER_WORDS.values()):
        return 2  # a phrase such as `without weekends` has no other sense
    return 1 if _GIVEN_BEFORE.search(before) else 0


def find_choice(
    request: Request,
    name: str,
    value: str,
    schema: Mapping[str, Json],
    parameters: Parameters,
    *,
    several: bool = False,
) -> list[TextSpan] | None:
    """The places at which a request names the choice `value`, or None if it names another one instead.

    `several`: the value is one of a list. A choice with the parameter's own label counts before all others. A value
    that stands for all of them is not contradicted by several others.
    """
    stated = stated_choices(request, schema)
    spans = [span for choice in stated.values() for span in choice]
    if not all(any(span.overlaps(word) for span in spans) for word in find_labelled_words(request, name, parameters)):
        return None
    labels = {
        choice: [span for span in spans if find_label(request, span, "text", parameters) == name]
        for choice, spans in stated.items()
    }
    if any(labels.values()):
        return labels.get(value) or None
    stated = stated if several else _keep_foremost(request, _drop_alternatives(request, stated))
    others = {choice for choice in stated if choice != value}
    if value == schema.get("default") and others:
        return stated.get(value, []) if value in _ALL and len(others) > 1 else None
    if value in stated:
        return stated[value]
    return None if others else []
