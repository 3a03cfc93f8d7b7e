"""Tools that are taken for one another: from replies to a test where there are any, else from trials."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ste_graph.contracts import Frozen
from ste_graph.distil.reading.normalisation import identifier_words, words
from ste_graph.grouping import group
from ste_graph.report.tools.calls import TriedCall
from ste_graph.report.tools.failures import SHOWN
from ste_graph.scoring.reply import CaseReply
from ste_graph.text import singular, word_set

_INVENTED = re.compile(r"The reply calls `([^`]+)`, which is not on offer")
"""The refusal of a reply that calls a tool which does not exist."""
_COMMON = word_set(
    "a an and are as at be by can could do does for from give given gives has have how i if in into is it its me my no "
    "not of on one or please so such than that the their then there these this to use used what when where which who "
    "will with would you your"
)

Source = Literal["replies", "trials"]


class Confusion(Frozen):
    """Requests to one tool that ended in a call of another, or in none."""

    asked: str
    called: str | None
    """The tool that was called instead; None: no call was made."""
    exists: bool
    """False if there is no tool of the name that was called."""
    source: Source
    count: int
    of: int
    """The number of replies, or trials, to requests to the tool."""
    requests: tuple[str, ...]
    ids: tuple[str, ...]
    """Of the trials; replies have none of their own."""
    drawn_by: tuple[str, ...]
    """Words of these requests that the name or description of the tool called has, and those of the tool asked not."""
    shared: tuple[str, ...]
    """Words that both descriptions have."""
    other_arms: dict[str, int]
    """The number of times that the same requests ended so in each of the other arms of the test."""


class NeedlessCall(Frozen):
    """Calls of a tool for requests that no call is right for: something must be asked first, or no tool can do it."""

    tool: str
    count: int
    of: int
    """The number of such requests to the tool."""
    requests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Miss:
    asked: str
    called: str | None
    query: str
    id: str = ""


def confusions_in_replies(
    arm: str | None, by_arm: Mapping[str, Sequence[CaseReply]], descriptions: Mapping[str, str]
) -> list[Confusion]:
    """The confusions in the replies of one arm of a test, the most frequent first, with counts of the other arms."""
    misses = {name: _find_misses(replies) for name, replies in by_arm.items()}
    own = by_arm.get(arm or "", ())
    found = _count(misses.get(arm or "", []), [reply.gold.tool for reply in own], "replies", descriptions)
    return [
        entry.model_copy(
            update={
                "other_arms": {
                    name: sum((miss.asked, miss.called) == (entry.asked, entry.called) for miss in others)
                    for name, others in misses.items()
                    if name != arm
                }
            }
        )
        for entry in found
    ]


def _find_misses(replies: Sequence[CaseReply]) -> list[_Miss]:
    misses = []
    for reply in replies:
        invented = _INVENTED.match(reply.problem or "")
        if reply.no_call or invented or (reply.called is not None and not reply.api_match):
            called = invented[1] if invented else reply.called
            misses.append(_Miss(reply.gold.tool, called, reply.query))
    return misses


def list_needless_calls(replies: Sequence[CaseReply]) -> list[NeedlessCall]:
    """The needless calls in replies to cases of restraint, the most frequent first."""
    found = []
    for tool, own in group((reply.gold.tool, reply) for reply in replies).items():
        if called := [reply for reply in own if reply.called is not None]:
            requests = tuple(dict.fromkeys(reply.query for reply in called))[:SHOWN]
            found.append(NeedlessCall(tool=tool, count=len(called), of=len(own), requests=requests))
    return sorted(found, key=lambda entry: (-entry.count, entry.tool))


def confusions_in_trials(calls: Sequence[TriedCall], descriptions: Mapping[str, str]) -> list[Confusion]:
    """The confusions in trials, the most frequent first: other tools were called, and the one asked for never was."""
    trials = group((call.trial, call) for call in calls)
    misses = [
        _Miss(own[0].asked, own[0].tool, own[0].query, id)
        for id, own in trials.items()
        if all(call.tool != call.asked for call in own)
    ]
    return _count(misses, [own[0].asked for own in trials.values()], "trials", descriptions)


def _count(
    misses: Iterable[_Miss], asked: Sequence[str], source: Source, descriptions: Mapping[str, str]
) -> list[Confusion]:
    known = {tool: _words(f"{' '.join(identifier_words(tool))} {text}") for tool, text in descriptions.items()}
    found = []
    for (tool, called), own_misses in group(((miss.asked, miss.called), miss) for miss in misses).items():
        own, other = known.get(tool, frozenset()), known.get(called or "", frozenset())
        requested = [word for miss in own_misses for word in sorted(_words(miss.query))]
        drawn = {word for word in requested if word in other - own}
        found.append(
            Confusion(
                asked=tool,
                called=called,
                exists=called is None or called in descriptions or not descriptions or called in asked,
                source=source,
                count=len(own_misses),
                of=asked.count(tool),
                requests=tuple(dict.fromkeys(miss.query for miss in own_misses))[:SHOWN],
                ids=tuple(miss.id for miss in own_misses if miss.id),
                drawn_by=tuple(sorted(drawn, key=lambda word: (-requested.count(word), word)))[:SHOWN],
                shared=tuple(sorted(own & other))[:SHOWN],
                other_arms={},
            )
        )
    return sorted(found, key=lambda entry: (-entry.count, entry.asked, entry.called or ""))


def _words(text: str) -> frozenset[str]:
    """The words of a text that say something, in the singular."""
    return frozenset(singular(word) for word in words(text).split() if word not in _COMMON and not word.isdigit())
