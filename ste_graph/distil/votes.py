"""The votes of a judge: three questions, each answered by yes or no, and the decision of the majority."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from ste_graph.contracts import Json, Reply
from ste_graph.protocols.json_object import NotAnObjectError, first_object

QUESTIONS: Final = {
    "informative": "the answer does not tell what was asked for",
    "faithful": "the answer says something else than the tool gave",
    "appropriate": "the call does not serve the request",
}
"""The questions by name, and what a no to each of them means."""

Vote: TypeAlias = Mapping[str, Json]
"""`{informative, faithful, appropriate: bool, why: str}`; `{unread: the reply}` for a reply without a verdict."""

SCHEMA: Final[dict[str, Json]] = {
    "type": "object",
    "properties": {**{name: {"type": "boolean"} for name in QUESTIONS}, "why": {"type": "string"}},
    "required": [*QUESTIONS, "why"],
    "additionalProperties": False,
}

_WORDS: Final = {"yes": True, "true": True, "no": False, "false": False}
_LINE: Final = r"^\W*{}\W*\b(yes|no|true|false)\b"


def parse_vote(reply: Reply) -> Vote:
    """The verdict in a reply."""
    found, why = parse_answers(reply, QUESTIONS)
    return {"unread": reply.text[:200]} if None in found.values() else {**found, "why": why}


def parse_answers(reply: Reply, questions: Iterable[str]) -> tuple[dict[str, bool | None], str]:
    """The answer to each question, or None if it is missing, and the reason given.

    Structured, as JSON in the reply's text, or as lines such as `Faithful: no`.
    """
    data = reply.data if isinstance(reply.data, Mapping) else _parse_object(reply.text)
    found = {name: _parse_boolean(data.get(name)) for name in questions}
    for name in found:
        line = re.search(_LINE.format(name), reply.text, re.IGNORECASE | re.MULTILINE)
        if found[name] is None and line:
            found[name] = _WORDS[line[1].lower()]
    return found, str(data.get("why") or "")


def is_for(vote: Vote) -> bool:
    """True if a vote answers all three questions by yes."""
    return all(vote.get(name) is True for name in QUESTIONS)


def is_against(vote: Vote) -> bool:
    """True if a vote answers a question by no."""
    return any(vote.get(name) is False for name in QUESTIONS)


def explain_votes(votes: Sequence[Vote]) -> str:
    """The reason why votes are not a majority in favour."""
    read = [vote for vote in votes if "unread" not in vote]
    if not read:
        return f"the judge gave no verdict; it said {votes[-1]['unread']!r}" if votes else "the judge was not asked"
    faults = [fault for name, fault in QUESTIONS.items() if any(vote.get(name) is False for vote in read)]
    why = next((str(vote["why"]) for vote in read if is_against(vote) and vote.get("why")), "")
    meaning = "; ".join(faults) or "too few votes could be read"
    count = sum(map(is_for, read))
    return f"{count} of {len(votes)} votes in favour: {meaning}{f' ({why[:160]})' if why else ''}"


def _parse_boolean(value: Json) -> bool | None:
    if isinstance(value, bool):
        return value
    return _WORDS.get(value.strip().strip(".!").lower()) if isinstance(value, str) else None


def _parse_object(text: str) -> Mapping[str, Json]:
    try:
        return first_object(text).value
    except NotAnObjectError:
        return {}
