"""What a request says about switches and about parameters that choose among values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ste_graph.contracts import Json
from ste_graph.distil.normalisation import identifier_words, singular, word_set
from ste_graph.distil.request import Request, TextSpan
from ste_graph.distil.roles import Parameters, find_label

_NO: Final = (
    r"(?:no|not|n't|without|never|exclude|excluding|except|skip|omit|avoid|leave out|leaving out|disable|drop|minus"
    r"|free of|instead of|rather than)"
)
_NEGATED_BEFORE = re.compile(rf"(?:\b|(?<=\w)){_NO}(?: [\w'-]+)*? ?$")
_ANSWER: Final = r"(?P<answer>yes|no|on|off|true|false|enabled|disabled|not|without|none)\b"
_ANSWER_AFTER = re.compile(rf"(?: ?[:=]| is| are| be| set| to| turned| should be)*[ =:]+{_ANSWER}")
_ANSWER_BEFORE = re.compile(r"\b(?P<answer>yes|no|on|off|true|false) (?:for|as)(?: the)? $")
_UNWANTED_AFTER = re.compile(r" (?:are |is )?(?:not (?:needed|wanted|required|allowed)|excluded|forbidden)")
_YES: Final = frozenset({"yes", "on", "true", "enabled"})
_AUXILIARY: Final = word_set("is has are use include with enable allow show should do add want only flag mode")
_INVERTING: Final = word_set("no without exclude disable skip ignore hide omit")
_ALL: Final = frozenset({"all", "any", "both", "auto", "every", "everything"})
_ALIAS = r"(?<![\w]){choice}(?: for | = |: | \()(?P<alias>[\w-]+)"


def read_switch(request: Request, name: str, parameters: Parameters) -> bool | None:
    """What a request says about a switch by its own words: with, yes: True; without, no: False; None if nothing."""
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
    return None if found is None else found != inverted


def _find_together(request: Request, wanted: Sequence[str]) -> Iterator[TextSpan]:
    """The places of the last of some words, where the others stand in the same clause."""
    forms = [_forms(word) for word in wanted]
    for match in re.finditer(rf"(?<!\w){forms[-1]}(?!\w)", request.plain.replace("_", " ")):
        span = TextSpan(match.start(), match.end())
        clause = request.plain[request.clause_start(span.start) : request.clause_end(span.end)]
        quoted = any(quote.holds(span) for quote in request.quotes)
        if not quoted and all(re.search(rf"(?<!\w){form}(?!\w)", clause) for form in forms[:-1]):
            yield span


def _forms(word: str) -> str:
    """A pattern for a word with the endings that it may have in a sentence."""
    stem = singular(word)
    stem = stem.removesuffix("e") if len(stem) > 4 else stem
    return rf"{re.escape(stem)}(?:e|s|es|ed|ing|{re.escape(stem[-1])}ed|{re.escape(stem[-1])}ing)?"


def _read_at(request: Request, span: TextSpan) -> bool | None:
    after = request.plain[span.end : span.end + 40]
    before = request.plain[request.clause_start(span.start) : span.start]
    if answer := _ANSWER_AFTER.match(after) or _ANSWER_BEFORE.search(before):
        return answer["answer"] in _YES
    return not (_UNWANTED_AFTER.match(after) or _NEGATED_BEFORE.search(before))


def stated_choices(request: Request, name: str, schema: Mapping[str, Json]) -> dict[str, list[TextSpan]]:
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
    for form in dict.fromkeys([choice, *aliases]):
        for span in request.find_words(form):
            inside = any(quote.holds(span) and quote != span for quote in request.quotes)
            dated = any(TextSpan(day.start, day.end).overlaps(span) for day in request.days)  # `the first of May`
            if not inside and not dated and not request.is_negated(span):
                yield span


def find_choice(
    request: Request, name: str, value: str, schema: Mapping[str, Json], parameters: Parameters
) -> list[TextSpan] | None:
    """The places at which a request names the choice `value`; None if it names another one instead.

    A choice with the parameter's own label counts before all others. A value that stands for all of them is not
    contradicted by several others.
    """
    stated = stated_choices(request, name, schema)
    labels = {
        choice: [span for span in spans if find_label(request, span, "text", parameters) == name]
        for choice, spans in stated.items()
    }
    if any(labels.values()):
        return labels.get(value) or None
    others = {choice for choice in stated if choice != value}
    if value == schema.get("default") and others:
        return stated.get(value, []) if value in _ALL and len(others) > 1 else None
    if value in stated:
        return stated[value]
    return None if others else []
