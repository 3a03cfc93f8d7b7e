"""The verdict of a judge: three questions, each answered by yes or no, and what a majority of verdicts says."""

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
"""`{informative, faithful, appropriate: bool, why: str}`; `{unread: the reply}` where there is no verdict in it."""

SCHEMA: Final[dict[str, Json]] = {
    "type": "object",
    "properties": {**{name: {"type": "boolean"} for name in QUESTIONS}, "why": {"type": "string"}},
    "required": [*QUESTIONS, "why"],
    "additionalProperties": False,
}

_WORDS: Final = {"yes": True, "true": True, "no": False, "false": False}
_LINE: Final = r"^\W*{}\W*\b(yes|no|true|false)\b"


def vote_of(reply: Reply) -> Vote:
    """The verdict in a reply."""
    found, why = answers_of(reply, QUESTIONS)
    return {"unread": reply.text[:200]} if None in found.values() else {**found, "why": why}


def answers_of(reply: Reply, questions: Iterable[str]) -> tuple[dict[str, bool | None], str]:
    """The answer to each question, None where there is none, and why.

    Structured, as JSON in the reply's text, or as lines such as `Faithful: no`.
    """
    data = reply.data if isinstance(reply.data, Mapping) else _object(reply.text)
    found = {name: _truth(data.get(name)) for name in questions}
    for name in found:
        line = re.search(_LINE.format(name), reply.text, re.IGNORECASE | re.MULTILINE)
        if found[name] is None and line:
            found[name] = _WORDS[line[1].lower()]
    return found, str(data.get("why") or "")


def in_favour(vote: Vote) -> bool:
    """Whether a vote answers all three questions by yes."""
    return all(vote.get(name) is True for name in QUESTIONS)


def against(vote: Vote) -> bool:
    """Whether a vote answers a question by no."""
    return any(vote.get(name) is False for name in QUESTIONS)


def reason_of(votes: Sequence[Vote]) -> str:
    """Why votes that are no majority in favour are none."""
    read = [vote for vote in votes if "unread" not in vote]
    if not read:
        return f"the judge gave no verdict; it said {votes[-1]['unread']!r}" if votes else "the judge was not asked"
    faults = [meaning for name, meaning in QUESTIONS.items() if any(vote.get(name) is False for vote in read)]
    why = next((str(vote["why"]) for vote in read if against(vote) and vote.get("why")), "")
    told = "; ".join(faults) or "too few votes could be read"
    count = sum(map(in_favour, read))
    return f"{count} of {len(votes)} votes in favour: {told}{f' ({why[:160]})' if why else ''}"


def _truth(value: Json) -> bool | None:
    if isinstance(value, bool):
        return value
    return _WORDS.get(value.strip().strip(".!").lower()) if isinstance(value, str) else None


def _object(text: str) -> Mapping[str, Json]:
    try:
        return first_object(text).value
    except NotAnObjectError:
        return {}
