"""A reply as sentences, each with the numbers of the trials that it cites."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ste_graph.distil.reading.normalisation import words
from ste_graph.forms.claims import find_claims, find_unsupported
from ste_graph.forms.evidence import NumberedTrial
from ste_graph.text import singular, word_set

LONGEST = 200
"""The most characters of a sentence."""

EXAMPLE_WORDS = 2
"""So many words of a prompt's worked example make a sentence one about that example."""

_CITED = re.compile(
    r"\s*[\[(](?:(?:see|from|as in) )?(?:trials? |numbers? |nos?\. ?|#)?"
    r"(\d{1,3}(?:(?:, ?| ?- ?|; ?|, and | and | & )#?\d{1,3})*)[\])]\.?",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"'])")
_EXAMPLE_TURN = re.compile(r"\{%-? *user *-?%\}(.*?)\{%-? *enduser *-?%\}", re.DOTALL)
_EXAMPLE_LINE = re.compile(r"^(?:API_name|Description|Trial \d+): *(.*)$", re.MULTILINE)
_COMMON = word_set("what with from that this they want need please much some next last where when have find can will")
_EMPTY = word_set(
    "what with from that this they must should need needs where when have has such like given takes take used use uses"
    " request requests asks people tool call calls parameter parameters value values format form example specified"
    " string text number integer boolean date valid default defaults"
)
"""Words of any sentence about any tool."""
_NOTHING = frozenset({"nothing", "none", "n a", "no", ""})


class CitedSentence(NamedTuple):
    """A sentence of a reply, and the numbers that it cites."""

    text: str
    cited: tuple[int, ...]


class Basis(NamedTuple):
    """The ids of the trials that a sentence rests on; or the reason why it rests on none."""

    trials: tuple[str, ...]
    fault: str | None


def find_example_words(prompt: str) -> frozenset[str]:
    """The words of the tools and requests in the worked examples of a prompt: what a small model repeats of them."""
    examples = [turn for turn in _EXAMPLE_TURN.findall(prompt) if "{{" not in turn]
    return frozenset(word for turn in examples for line in _EXAMPLE_LINE.findall(turn) for word in _content_words(line))


def repeats_example(sentence: str, example_words: frozenset[str], sources: Sequence[str]) -> bool:
    """True if a sentence speaks of a worked example: with words of it that occur in none of the sources."""
    known = {word for source in sources for word in _content_words(source)}
    return len((_content_words(sentence) & example_words) - known) >= EXAMPLE_WORDS


def adds_nothing(sentence: str, definition: str) -> bool:
    """True if each word, name and value of a sentence occurs in the tool's own definition."""
    return not find_unsupported(sentence, [definition]) and not _telling_words(sentence) - _telling_words(definition)


def read_sentences(reply: str) -> list[CitedSentence]:
    """The sentences of a reply. Those before a citation on the same line share it; `nothing` is not a sentence."""
    lines = [_BULLET.sub("", line).strip() for line in reply.splitlines() if not line.lstrip().startswith("```")]
    found = [sentence for line in lines for sentence in _read_line(line)]
    return [sentence for sentence in found if words(sentence.text).strip() not in _NOTHING]


def find_basis(sentence: CitedSentence, trials: Sequence[NumberedTrial], definition: str) -> Basis:
    """The basis of a sentence: each of its names and values is in a trial that it cites, or in the definition.

    A sentence that cites nothing rests on the trials that have its names and values; without any, on none.
    """
    if len(sentence.text) > LONGEST:
        return Basis((), f"it is longer than {LONGEST} characters")
    known = {trial.number: trial for trial in trials}
    if unknown := [number for number in sentence.cited if number not in known]:
        return Basis((), f"it cites trial {unknown[0]}, which was not shown")
    cited = [known[number] for number in sentence.cited]
    sources = [trial.source for trial in cited or trials]
    if lost := find_unsupported(sentence.text, [*sources, definition]):
        where = "a trial that it cites" if cited else "a trial"
        return Basis((), f"neither {where} nor the tool's definition has {', '.join(f'`{name}`' for name in lost[:3])}")
    if not cited:
        claims = find_claims(sentence.text)
        cited = [trial for trial in trials if any(claim.is_in(trial.source) for claim in claims)]
    return Basis(tuple(trial.id for trial in cited), None if cited else "it rests on no trial")


def _content_words(text: str) -> set[str]:
    """The words of a text that have some length, without the endings of plurals."""
    return {singular(word) for word in words(text).split() if len(word) > 3} - _COMMON


def _telling_words(text: str) -> set[str]:
    """The words of a text that have some length, without those of any sentence about any tool."""
    return {singular(word) for word in words(text).split() if len(word) > 3 and word not in _EMPTY}


def _read_line(line: str) -> Iterator[CitedSentence]:
    start = 0
    for match in _CITED.finditer(line):
        numbers = _numbers(match[1])
        for text in _split(line[start : match.start()]):
            yield CitedSentence(text, numbers)
        start = match.end()
    for text in _split(line[start:]):
        yield CitedSentence(text, ())


def _split(text: str) -> list[str]:
    """The sentences of a text, each with an end; a full stop within quotation marks ends none."""
    text = text.strip()
    starts = [0, *(match.end() for match in _END.finditer(text) if text[: match.start()].count('"') % 2 == 0)]
    parts = [text[start:end].strip(" *_") for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    return [part if part[-1] in ".!?:" else f"{part}." for part in parts if re.search(r"\w", part)]


def _numbers(cited: str) -> tuple[int, ...]:
    """The numbers of a citation; `2-4` are three."""
    ranges = re.findall(r"(\d+)(?: ?- ?(\d+))?", cited)
    found = [number for first, last in ranges for number in range(int(first), int(last or first) + 1)]
    return tuple(dict.fromkeys(found))
