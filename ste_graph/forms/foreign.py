"""Foreign text: what must not come from a tool's output, or from a test, into a prompt."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from ste_graph.contracts import Json
from ste_graph.distil.reading.normalisation import contains_words, words

COPIED = 4
"""So many words in a row that a text shares with a tool's output are copied from it."""

_CONTROL = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_ADDRESS = re.compile(
    r"(?:https?|ftp|file|data|javascript):/{0,2}[^\s\"'`<>)\]}]+|\bwww\.[\w.-]+|[\w.+-]+@[\w-]+\.[\w.-]+", re.I
)
_MARKUP = re.compile(
    r"<\|[^|>\n]{1,40}\|>|\[/?INST\]|</?(?:s|system|assistant|user|tool_call|tool|function|instructions?|think)>"
    r"|(?<!\w)(?:Action Input|Observation|Final Answer|User Query|API_name|Thought) ?:",
)
_READER = r"(?:user|anyone|anybody|human|person|people)"
_OVERRIDE = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b[^.!?]{0,30}"
    r"\b(?:all|any|previous|prior|earlier|above|other|system|these|your)\b"
    r"|\b(?:system|developer) (?:prompt|message)\b|\byou are now\b|\bnew instructions?\b|\bjailbreak\b"
    rf"|\b(?:do not|don't|never) (?:tell|inform|mention|reveal|show)\b[^.!?]{{0,30}}\b{_READER}\b"
    rf"|\bwithout (?:telling|informing|asking) (?:the )?{_READER}\b",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"\b(?:you|your|yourself|user|assistant|agent|model|ai|instructions?|call|click|contact|copy|delete|disclose|download"
    r"|email|execute|follow|forward|install|invoke|leak|navigate|obey|open|paste|post|print|repeat|reply|respond|reveal|run"
    r"|say|send|share|tell|transfer|upload|visit|wire)\b",
    re.IGNORECASE,
)
"""An address to a reader, or an order to do something other than to fill in the arguments of the call."""


def find_foreign(
    text: str, *, definition: str, observations: Sequence[str] = (), held_out: Sequence[Json] = ()
) -> list[str]:
    """The parts of a text for a prompt that do not belong there, in words; empty if the text is clean.

    Args:
        text: A sentence of a guideline, or a description.
        definition: All that the tool's own definition says; its words may be in the text.
        observations: The results of calls of the tool: an order copied from one is somebody else's.
        held_out: The values of requests that are kept for a test, and that no trial shows.
    """
    return [
        *_find_characters(text),
        *(f"the address `{_shown(found)}`" for found in _new(_ADDRESS, text, definition)),
        *(f"the mark `{_shown(found)}`" for found in _new(_MARKUP, text, definition)),
        *(f"the instruction `{_shown(found)}`" for found in _new(_OVERRIDE, text, definition)),
        *(
            f"an instruction from the tool's output, `{_shown(found)}`"
            for found in _copied(text, definition, observations)
        ),
        *(f"the held-out value `{_shown(value)}`" for value in held_out if _states(text, value, definition)),
    ]


def _find_characters(text: str) -> Iterator[str]:
    for char in dict.fromkeys(text):
        if unicodedata.category(char) in _CONTROL and char != "\n":
            yield f"the control character U+{ord(char):04X}"


def _new(pattern: re.Pattern[str], text: str, definition: str) -> Iterator[str]:
    return (match[0] for match in pattern.finditer(text) if match[0].lower() not in definition.lower())


def _copied(text: str, definition: str, observations: Sequence[str]) -> Iterator[str]:
    """The runs of words that are copied from what calls gave and tell a reader to do something."""
    own = words(definition)
    observed = [words(observation) for observation in observations]
    parts = words(text).split()
    start = 0
    while start + COPIED <= len(parts):
        end = start + COPIED
        if not any(_run(parts, start, end) in other for other in observed):
            start += 1
            continue
        while end < len(parts) and any(_run(parts, start, end + 1) in other for other in observed):
            end += 1
        run = _run(parts, start, end)
        if run not in own and _ORDER.search(run):
            yield run.strip()
        start = end


def _run(parts: Sequence[str], start: int, end: int) -> str:
    return f" {' '.join(parts[start:end])} "


def _states(text: str, value: Json, definition: str) -> bool:
    written = str(value)
    return contains_words(text, written) and not contains_words(definition, written)


def _shown(value: Json) -> str:
    """The beginning of a text, safe to print."""
    line = " ".join("".join(char if char.isprintable() else "\ufffd" for char in str(value)).split())
    return line if len(line) <= 60 else f"{line[:60]} …"
