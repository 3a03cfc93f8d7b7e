"""The answer of a trial: whether it says no more than the request and the results of the calls."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from ste_graph.contracts import Json
from ste_graph.distil.reading.normalisation import blank_out, lower
from ste_graph.distil.reading.request import parse_request
from ste_graph.text import singular, word_set

_FUNCTION_WORDS: Final = word_set(
    "a an the and or of in on at to for from by with as than that this these those there here it its is are was were "
    "be been has have had do does did will would can i you we they your my our their the result answer value output so "
    "which who what when where yes ok s t re ll ve contain written current today number name"
)
"""Words that say nothing of their own."""
_WORD = re.compile(r"[^\W_]+")
_CODE = re.compile(r"(?![\[{\d+-])\S*[^\W\d]\S*")
"""A result of one word that is neither a number nor JSON: all its signs count."""


class _Content(NamedTuple):
    """The content of a text: its values, each as all that it may mean, and its words but for those that say nothing."""

    values: list[frozenset[Hashable]]
    words: frozenset[str]


def unsupported_answer(answer: str, query: str, steps: Sequence[Mapping[str, Json]]) -> str | None:
    """The reason that an answer cannot be vouched for by a rule, or None if it can.

    It may say what the request and the results of the calls say, in any order, and nothing else: each word that is not
    a mere function word, and each number, day and time, which may occur there as often as in these. And it must tell
    something of the last result that the request does not. True answers in other words are not vouched for either: a
    judge may do that.
    """
    observed = [_observation_text(step) for step in steps]
    results = [_read(text) for text in observed if text]
    if not results:
        return "no call has given a result"
    request, stated = _read(query), _read(answer)
    arguments = [_read(text) for step in steps for text in _texts(step.get("arguments"))]
    known = request.words.union(*(each.words for each in (*results, *arguments)))
    if foreign := sorted(stated.words - known):
        few = ", ".join(f"`{word}`" for word in foreign[:3])
        return f"it says {few}, which neither the request nor a result says"
    left = [value for each in (request, *results) for value in each.values]
    for value in stated.values:
        match = next((other for other in left if value & other), None)
        if match is None:
            return f"it says `{min(map(str, value))}` more often than the request and the results"
        left.remove(match)
    last = next(text for text in reversed(observed) if text).strip()
    tells = lower(last) in lower(answer) if _CODE.fullmatch(last) else _tells(stated, request, results[-1])
    if not tells:
        return "it does not tell the result"
    return None


def supported_answer(answer: str | None, query: str, steps: Sequence[Mapping[str, Json]]) -> str | None:
    """The answer, or None if it cannot be vouched for."""
    return None if answer is None or unsupported_answer(answer, query, steps) else answer


def _tells(stated: _Content, request: _Content, result: _Content) -> bool:
    """True if a text tells something of a result, and where there is something, what the request does not say."""
    new_words = result.words - request.words
    new_values = [value for value in result.values if not any(value & other for other in request.values)]
    words, values = (new_words, new_values) if new_words or new_values else (result.words, result.values)
    if not words and not values:
        return True
    return bool(words & stated.words) or any(value & other for value in values for other in stated.values)


def _read(text: str) -> _Content:
    parsed = parse_request(text)
    values: list[frozenset[Hashable]] = [frozenset(day.days) for day in parsed.days]
    values += [frozenset([moment.time]) for moment in parsed.times]
    values += [number.signed_values for number in parsed.numbers]
    return _Content(values, frozenset(_words(blank_out(parsed.plain, parsed.mentions))))


def _words(text: str) -> Iterator[str]:
    for match in _WORD.finditer(lower(text)):
        if match[0] not in _FUNCTION_WORDS:
            yield singular(match[0])


def _observation_text(step: Mapping[str, Json]) -> str:
    observation = step.get("observation")
    return str(observation.get("text") or "") if isinstance(observation, Mapping) else ""


def _texts(value: Json) -> Iterator[str]:
    """The values and names within a value, as texts."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield name
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif value is not None:
        yield str(value)
