"""Answers that are no answers: a call in the place of one, and text that is copied from the prompt."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from ste_graph.protocols.markup import has_call_markup
from ste_graph.protocols.offered import OfferedTools
from ste_graph.protocols.text_calls import find_call, is_set_apart


def answer_problem(answer: str, tools: OfferedTools, prompt: str) -> str | None:
    """The fault that makes a final answer unreadable, as one sentence for the model; None if it is an answer.

    Args:
        answer: The text of the answer.
        tools: The tools on offer.
        prompt: The template that asked for it, whose fixed text is not an answer; may be empty.
    """
    if has_call_markup(answer) or _INPUT_MARK.search(answer):
        return _HOLDS_CALL
    if "{" in answer and tools.names is not None and tools.is_named_in(answer):
        call = find_call(answer, tools)
        if call is not None and call.offered and is_set_apart(answer, call):
            return _HOLDS_CALL
    if prompt and _copies(answer, prompt):
        copied = " ".join(answer.split())[:60]
        return f"The answer repeats the instructions: `{copied}`; write what the person asked for."
    return None


def _copies(answer: str, prompt: str) -> bool:
    fixed, plain = _read_prompt(prompt), _plain_words(answer)
    return plain in fixed.placeholders or any(sentence in plain for sentence in fixed.sentences)


class _FixedText(NamedTuple):
    """The parts of a template that are the same in every prompt."""

    placeholders: frozenset[str]
    """The texts after its markers, in the place of the words that the model should write."""
    sentences: tuple[str, ...]
    """Stretches that are too long to be in an answer by chance."""


@lru_cache(maxsize=256)
def _read_prompt(template: str) -> _FixedText:
    parts = [part for part in _JINJA.split(template) if part.strip()]
    placeholders, sentences = set(), []
    for part in parts:
        for line in part.splitlines():
            marker = _MARKER.match(line)
            if marker and (held := _plain_words(line[marker.end() :])) and (len(held.split()) > 1 or "{" in line):
                placeholders.add(held)
            if (stretch := _plain_words(line)) and len(stretch) >= _LONG:
                sentences.append(stretch)
        placeholders |= {_plain_words(hole) for hole in _HOLE.findall(part)}
    return _FixedText(frozenset(filter(None, placeholders)), tuple(sentences))


def _plain_words(text: str) -> str:
    return " ".join(_LETTERS.findall(text.casefold()))


_LONG: Final = 40
"""The least length of a stretch of the prompt that an answer cannot hold by chance."""
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_MARKER = re.compile(
    r"[\s*_#>`-]*+(?:thought|action input|action|final answer|observation|\"final_answer\"|\"arguments\")[\s*_`]*+:",
    re.IGNORECASE,
)
_HOLE = re.compile(r"<[a-z][^<>{}\n]{3,60}>")
_LETTERS = re.compile(r"[^\W_]++")
_INPUT_MARK = re.compile(r"\bAction Input[ \t*_`]*+:")
_HOLDS_CALL: Final = (
    "The answer holds a call of a tool: make the call in the form that you were given, or answer without one."
)
