"""Replies to the requests that a search for better descriptions tests on, as the search reads them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ste_graph.forms.search import BEFORE, CaseResult, case_key
from ste_graph.scoring.reply import CaseReply

CONFUSED = 2
"""At most so many tools are found that were called in the place of another."""

LONGEST_CALL = 200
"""The most characters of a call."""


def read_case_results(replies: Iterable[CaseReply]) -> dict[tuple[str, str], CaseResult]:
    """The results by arm and `case_key`."""
    return {(reply.arm, _key(reply)): CaseResult(reply.is_correct is True, _call_line(reply)) for reply in replies}


def find_failures(replies: Iterable[CaseReply], arm: str, keys: Collection[str]) -> list[dict[str, str]]:
    """The wrong replies of an arm to the cases with these keys: `query`, `called`, and `right`, arguments as JSON."""
    wrong = [reply for reply in replies if reply.arm == arm and reply.is_correct is not True and _key(reply) in keys]
    return [
        {
            "query": reply.query,
            "called": _call_line(reply),
            "right": json.dumps(reply.gold.arguments, ensure_ascii=False),
        }
        for reply in wrong
    ]


def find_confused(tool: Mapping[str, Any], replies: Iterable[CaseReply]) -> list[dict[str, Any]]:
    """The tools that were called where this one is right, without a proposal; the most frequent first.

    Each has `name` and `description`.
    """
    called = Counter(reply.called for reply in replies if reply.arm == BEFORE and reply.called != tool["name"])
    known = {str(other["name"]): other for other in tool["pool"]}
    names = [name for name, _ in called.most_common() if name in known][:CONFUSED]
    return [{"name": name, "description": known[name]["description"]} for name in names]


def _key(reply: CaseReply) -> str:
    return case_key({"query": reply.query, "gold": reply.gold.model_dump(mode="json")})


def _call_line(reply: CaseReply) -> str:
    """The call of a reply in one line, or a note that it has no call that can be read."""
    if reply.called is None:
        return "no call that can be read"
    line = f"{reply.called} {json.dumps(reply.arguments or {}, ensure_ascii=False)}"
    return line if len(line) <= LONGEST_CALL else f"{line[:LONGEST_CALL]} …"
