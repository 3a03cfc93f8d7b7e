"""Requests that are worth trying: what is wrong with one that a model made up, told by rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from ste_graph.contracts import Json
from ste_graph.distil.reading.numbers import numbers_in

LONGEST: Final = 800
"""Characters of the longest request that a person would make."""

COPIED: Final = "It repeated the instructions or an example in them; write what another person would say."

_CODE = re.compile(
    r"```|^\s*(?:GET|POST|PUT|PATCH|DELETE)\s+\S*/|\bHTTP/[12]|^\s*curl\s|"
    r"\bdef \w+\(|^\s*import \w+|\bprint\(|^\s*(?:const|let|var) \w+\s*=|</\w+>|\bAction(?: Input)?\s*:|\b\w+\(\w+\s*=",
    re.IGNORECASE | re.MULTILINE,
)
_JSON = re.compile(r"[{\[].*[}\]]", re.DOTALL)
_JSON_OBJECT = re.compile(r"\{\s*[\"']\w+[\"']\s*:")
_TO_MODEL = re.compile(
    r"\b(?:user query|write (?:the|a|one|another) request|imagine (?:a|another|one) (?:person|request|user|different)|"
    r"(?:this|the) (?:tool|function|api)\b|json schema|as an ai\b|language model)|"
    r"\b(?:clarify|the person is asking|more information|a first try|did not state|value of the call)\b|"
    r"^(?:sorry|sure|certainly|of course|you are (?:a|an)\b|here (?:is|are) (?:a|an|the|some)\b|i'm sorry|"
    r"i am sorry|i cannot|no[.!]?$)",
    re.IGNORECASE | re.MULTILINE,
)
_PLACEHOLDER = re.compile(
    r"<[a-z][\w \-]{1,40}>|\[(?:your|insert|the|enter)\b[^\]]*\]|\{\w*\}|\bYYYY-MM-DD\b", re.IGNORECASE
)
_DAY = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|now|noon|midnight|(?:mon|tues|wednes|thurs|fri|satur|sun)day|christmas|"
    r"(?:next|last|this) (?:day|week|month|year)|new year)\b",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[^\W_]+")
_LETTERS_NEEDED: Final = 5
_AROUND_JSON: Final = 4
"""The number of words next to it that turn JSON for the tool to work on into a request."""
_ECHO: Final = 8
"""The number of words in a row, also found in the prompt, that count as copied from it."""


def find_request_fault(request: str, name: str, parameters: Mapping[str, Json], description: str = "") -> str | None:
    """The reason why a request is not worth trying, as a sentence for the model; None if it is.

    Args:
        request: What the model wrote.
        name: The tool's name.
        parameters: The JSON Schema of its arguments.
        description: What the tool does, which no request is by itself.
    """
    words = _LETTERS.findall(request)
    if not words:
        return "It was empty."
    if len(request) > LONGEST:
        return "It was far too long; a request is one or two sentences."
    if _CODE.search(request) or _is_mostly_json(request):
        return "It held code, JSON or a call; a person writes plain sentences."
    if found := next(_technical_names(request, name, parameters), None):
        return f"It named `{found}`, which the person has never heard of."
    if _TO_MODEL.search(request):
        return "It spoke of the task or of a tool; write only what the person wants to know or have done."
    if _PLACEHOLDER.search(request):
        return "It had a placeholder where a value belongs; make up a value."
    if f" {' '.join(words).casefold()} " in f" {' '.join(_LETTERS.findall(description)).casefold()} ":
        return COPIED
    if sum(map(str.isalpha, request)) < _LETTERS_NEEDED * (1 + (len(words) < 3)):  # some scripts put no space between
        return "It was too short to say what is wanted."
    if missing := _missing_value(request, parameters):
        return f"It gave no value for the {missing}; every value that is needed must be in the request."
    return None


def _technical_names(request: str, name: str, parameters: Mapping[str, Json]) -> Iterator[str]:
    """The names in the request that only a program uses: of two words or more, joined as no person joins them."""
    for known in (name, *_properties(parameters)):
        joined = "_" in known or re.search(r"[a-z][A-Z]|[-.]\w", known)
        if joined and re.search(rf"(?<!\w){re.escape(known)}(?!\w)", request):
            yield known


def _is_mostly_json(request: str) -> bool:
    """True if the request holds a JSON object, and hardly a word apart from it."""
    return bool(_JSON_OBJECT.search(request)) and len(_LETTERS.findall(_JSON.sub(" ", request))) < _AROUND_JSON


def _missing_value(request: str, parameters: Mapping[str, Json]) -> str | None:
    """The parameter, in words, that needs a number or a date where the request has neither."""
    if any(char.isdigit() for char in request) or numbers_in(request.casefold()):
        return None
    properties, required = _properties(parameters), parameters.get("required")
    for known in required if isinstance(required, list) else ():
        of = properties.get(str(known), {})
        dated = of.get("format") in ("date", "date-time", "time")
        if (of.get("type") in ("integer", "number") and "default" not in of) or (dated and not _DAY.search(request)):
            return re.sub(r"[\W_]+", " ", str(known)).strip()
    return None


def _properties(parameters: Mapping[str, Json]) -> dict[str, dict[str, Any]]:
    found = parameters.get("properties")
    return {name: of for name, of in found.items() if isinstance(of, dict)} if isinstance(found, dict) else {}


def repeats(request: str, instructions: str) -> bool:
    """True if the request has a long stretch of the instructions, or is a stretch of them as a whole."""
    given = _plain_text(instructions)
    plain = _LETTERS.findall(request.casefold())
    size = min(_ECHO, len(plain))
    stretches = (" ".join(plain[at : at + size]) for at in range(len(plain) - size + 1))
    return size > 2 and any(f" {stretch} " in given for stretch in stretches)


@lru_cache(maxsize=64)
def _plain_text(instructions: str) -> str:
    """The words of a prompt, which stay the same for all requests, each between spaces."""
    return f" {' '.join(_LETTERS.findall(instructions.casefold()))} "
