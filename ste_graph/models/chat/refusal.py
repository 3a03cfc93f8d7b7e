"""Reading a refusal: which part of a request a server does not take, and what it may take in place of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ste_graph.contracts import Json
from ste_graph.models.chat.adaptation import Adaptation
from ste_graph.models.chat.chat_body import schema_keywords
from ste_graph.models.chat.problem import Problem


@dataclass(frozen=True, slots=True)
class RequestChange:
    """A change of what is sent, in words for a person."""

    adaptation: Adaptation
    what: str


def read_refusal(used: Adaptation, body: Mapping[str, Json], problem: Problem) -> RequestChange | None:
    """The change that a refusal of this body asks for; None if it does not say."""
    if problem.status not in (200, 400, 404, 405, 415, 422, 500, 501) or problem.too_long or problem.lost_reply:
        return None
    for read in (_tools, _ids, _keywords, _structure, _parameters, _roles):
        change = read(used, body, problem)
        if change is not None:
            return change
    return None


def suspects(used: Adaptation, body: Mapping[str, Json]) -> Iterator[RequestChange]:
    """The changes to try, one after another, where a refusal does not say what it refuses."""
    if "response_format" in body:
        yield _next_form(used)
    names = [*(name for name in SUSPECTS if name in body), *(name for name in body if name not in KNOWN)]
    for name in names:
        yield _without(used, name)
    if len(names) > 1:
        every = used.without(*names)
        yield RequestChange(every, f"{', '.join(f'`{name}`' for name in names)} are not sent")
    if keywords := _optional_keywords(used, body):
        yield _strip(used, keywords)
    yield from _orders(used, body)


def _tools(used: Adaptation, body: Mapping[str, Json], problem: Problem) -> RequestChange | None:
    if "tools" not in body or not problem.mentions(_NO_TOOLS) or problem.mentions(_SCHEMA):
        return None
    return RequestChange(
        used.model_copy(update={"no_tools": True}), "tools are described in the prompt, and calls asked for as text"
    )


def _ids(used: Adaptation, body: Mapping[str, Json], problem: Problem) -> RequestChange | None:
    if used.short_ids or not problem.mentions(_IDS):
        return None
    return RequestChange(used.model_copy(update={"short_ids": True}), "ids of tool calls are nine letters and digits")


def _keywords(used: Adaptation, body: Mapping[str, Json], problem: Problem) -> RequestChange | None:
    """Leave out the keywords of a schema that are named, else those that no grammar knows, else all that may go."""
    optional = _optional_keywords(used, body)
    quoted = {name for name in optional if re.search(rf"""['"`\[]{re.escape(name)}['"`\]]""", problem.text)}
    named = {name for name in optional if re.search(rf"(?<![\w$]){re.escape(name)}(?!\w)", problem.text)} - _WORDS
    if quoted or (named and problem.mentions(_SCHEMA)):
        return _strip(used, quoted or named)
    if not optional or not problem.mentions(_GRAMMAR):
        return None
    return _strip(used, optional & _FOREIGN or optional)


def _structure(used: Adaptation, body: Mapping[str, Json], problem: Problem) -> RequestChange | None:
    if "response_format" in body and _refuses(problem) and (problem.mentions(_FORMAT) or problem.mentions(_GRAMMAR)):
        return _next_form(used)
    return None


def _parameters(used: Adaptation, body: Mapping[str, Json], problem: Problem) -> RequestChange | None:
    if not _refuses(problem) or problem.mentions(_FUNCTION_SCHEMA):  # a tool may have a parameter called `temperature`
        return None
    names = [name for name in body if name not in _ESSENTIAL]
    quoted = [name for name in names if re.search(rf"""['"`\[]{_spelling(name)}['"`\]]""", problem.text, re.I)]
    named = quoted or [name for name in names if re.search(rf"\b{_spelling(name)}\b", problem.text, re.I)]
    if not named:
        return None
    if len(named) > 1 and re.search(r"\bboth\b", problem.text, re.I):
        named = named[-1:]
    changes = _without(used, named[0])
    for name in named[1:]:
        more = _without(changes.adaptation, name)
        changes = RequestChange(more.adaptation, f"{changes.what}, and {more.what}")
    return changes


def _roles(used: Adaptation, body: Mapping[str, Json], problem: Problem) -> RequestChange | None:
    if not problem.mentions(_ROLES):
        return None
    orders = list(_orders(used, body))
    if problem.mentions(_NO_SYSTEM) and not problem.mentions(_TURNS):
        orders.sort(key=lambda change: not change.adaptation.no_system)
    return orders[0] if orders else None


def _orders(used: Adaptation, body: Mapping[str, Json]) -> Iterator[RequestChange]:
    roles = [message["role"] for message in body["messages"]]
    pairs = set(pairwise(roles))
    crossed = "system" in roles[1:] or "user" not in roles or ("tool", "user") in pairs
    if not used.alternating and not used.no_system and (crossed or any(a == b != "tool" for a, b in pairs)):
        yield RequestChange(
            used.model_copy(update={"alternating": True}), "user and assistant take turns in what is sent"
        )
    if not used.no_system and "system" in roles:
        yield RequestChange(used.model_copy(update={"no_system": True}), "the system message is sent as the user's")


def _refuses(problem: Problem) -> bool:
    """True if what is mentioned is refused: anything may be mentioned where something else went wrong in the server."""
    return problem.status in (400, 404, 405, 415, 422) or problem.mentions(_REFUSED)


def _next_form(used: Adaptation) -> RequestChange:
    if used.structured == "prompt":  # it comes from the settings
        return _without(used, "response_format")
    if used.structured == "json_schema":
        return RequestChange(
            used.model_copy(update={"structured": "json_object"}), "JSON is asked for without its schema"
        )
    return ask_in_prompt(used)


def ask_in_prompt(used: Adaptation) -> RequestChange:
    """The change for a server without structured output."""
    return RequestChange(used.model_copy(update={"structured": "prompt"}), "JSON is asked for in the prompt only")


def _without(used: Adaptation, name: str) -> RequestChange:
    if name == "max_tokens" and used.token_limit == "max_tokens":
        renamed = used.model_copy(update={"token_limit": "max_completion_tokens"})
        return RequestChange(renamed, "`max_tokens` is sent as `max_completion_tokens`")
    here = "; replies are cut here" if name == "stop" else ""
    return RequestChange(used.without(name), f"`{name}` is not sent{here}")


def _strip(used: Adaptation, keywords: set[str]) -> RequestChange:
    names = sorted(keywords)
    listed = ", ".join(f"`{name}`" for name in names)
    return RequestChange(
        used.without_keywords(*names), f"{listed} {'is' if len(names) == 1 else 'are'} left out of schemas"
    )


def _optional_keywords(used: Adaptation, body: Mapping[str, Json]) -> set[str]:
    """The keywords in the schemas of a body that a schema can do without."""
    schemas = [tool["function"].get("parameters") for tool in body.get("tools") or ()]
    schemas.append((body.get("response_format") or {}).get("json_schema", {}).get("schema"))
    return schema_keywords(schemas) - _BASIC - set(used.keywords)


def _spelling(name: str) -> str:
    """The pattern of a key as servers of other protocols spell it too: `topP`, `stop_sequences`."""
    if name == "stop":
        return r"stop(?:[ _-]?(?:sequences?|words?|strings?))?"
    if name in ("max_tokens", "max_completion_tokens"):
        return r"max(?:imum)?[ _-]?(?:output[ _-]?|new[ _-]?|completion[ _-]?)?tokens"
    return r"[ _-]?".join(map(re.escape, name.split("_")))


SUSPECTS: Final = ("stop", "seed", "top_p", "temperature", "max_tokens", "max_completion_tokens")
"""The keys that servers refuse most often, those that cost least first."""
_ESSENTIAL: Final = ("model", "messages", "tools", "response_format")
KNOWN: Final = frozenset((*SUSPECTS, *_ESSENTIAL))

_BASIC: Final = frozenset(
    {"type", "properties", "required", "items", "enum", "description", "title", "anyOf", "oneOf", "allOf", "$ref"}
    | {"$defs", "definitions"}
)
"""The keywords without which a schema does not say what it says."""
_WORDS: Final = frozenset({"format", "default", "const", "not", "if", "then", "else", "examples", "example"})
"""Keywords that are words of any sentence too: they count in quotes only."""
_FOREIGN: Final = frozenset({"pattern", "format", "patternProperties", "propertyNames"})
"""The keywords that grammars know least."""

_REFUSED: Final = re.compile(
    r"\b(not|no|cannot|can't|never|none)\b|n't\b|un(supported|known|recogni[sz]ed|expected|available|permitted)"
    r"|forbidden|extraneous|invalid|illegal|refus|reject|only|fail|error|must|ha(s|ve) to|expect",
    re.IGNORECASE,
)
_NO_TOOLS: Final = re.compile(
    r"(tools?|function[- ]?call(ing|s)?|tool[- ](use|calling|choice))\b[^\n]{0,80}?(not (support|available|enabled|"
    r"allow)|unsupported|requires? --|is off|disabled)"
    r"|n[o']t (support|allow|have|take)[^\n]{0,40}?\b(tools?|function call)"
    r"|(no|without) (support for )?(tools?|tool use|function calling)\b",
    re.IGNORECASE,
)
_IDS: Final = re.compile(r"\bids?\b[^\n]{0,120}?(length|characters|alphanumeric|a-z)", re.IGNORECASE)
_SCHEMA: Final = re.compile(r"schema|grammar|gbnf|function_declarations|parameters\.properties|guided", re.IGNORECASE)
_FUNCTION_SCHEMA: Final = re.compile(
    r"schema[^\n]{0,40}?(function|tool)|(function|tool)[^\n]{0,60}?schema|tools\[", re.I
)
_GRAMMAR: Final = re.compile(r"grammar|gbnf|regex|lookahead|lookaround|unexpected escape", re.IGNORECASE)
_FORMAT: Final = re.compile(
    r"response[ _]?(format|schema)|json[ _]?(schema|object|mode)|structured|guided|output format|constrained", re.I
)
_ROLES: Final = re.compile(
    r"\broles?\b|alternat|\bturns?\b|raise_exception|template|no user (query|message)"
    r"|system (message|prompt|instruction)|consecutive|developer instruction"
    r"|(first|last|after|follow)[^\n]{0,40}?\b(user|assistant|tool|system)\b",
    re.IGNORECASE,
)
_TURNS: Final = re.compile(r"alternat|\bturns?\b", re.IGNORECASE)
_NO_SYSTEM: Final = re.compile(r"system|developer instruction", re.IGNORECASE)
