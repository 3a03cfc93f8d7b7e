"""What rewritten descriptions changed: the test's replies under the tools' own descriptions, and under the new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ste_graph.contracts import Frozen, Json
from ste_graph.scoring.reply import CaseReply


class Share(Frozen):
    """Replies to requests to a tool: how many called it, and how many called it rightly."""

    replies: int
    right_tool: int
    right_call: int


class Rewriting(Frozen):
    """A tool under its own description and under a rewritten one."""

    tool: str
    arm: str
    before: Share
    after: Share
    description: str
    """The tool's own description."""
    rewritten: str | None
    """The new one; None if no run given here wrote it."""


def list_rewritings(
    rewritten: Mapping[str, str],
    own: Sequence[CaseReply],
    by_arm: Mapping[str, Sequence[CaseReply]],
    descriptions: Mapping[str, str],
) -> list[Rewriting]:
    """The tools in each arm of rewritten descriptions, those first that gained or lost most.

    `own` are the replies under the tools' own descriptions, `by_arm` those under others.
    """
    found = [
        Rewriting(
            tool=tool,
            arm=arm,
            before=_share(own, tool),
            after=_share(replies, tool),
            description=descriptions.get(tool, ""),
            rewritten=rewritten.get(tool),
        )
        for arm, replies in by_arm.items()
        for tool in dict.fromkeys(reply.gold.tool for reply in replies)
    ]
    return sorted(found, key=lambda entry: (-abs(entry.after.right_call - entry.before.right_call), entry.tool))


def read_rewritten(lines: Sequence[Mapping[str, Json]]) -> dict[str, str]:
    """The rewritten descriptions by tool, from the records `description` of a run."""
    return {str(line["tool"]): str(line["description"]) for line in lines if line.get("description")}


def _share(replies: Sequence[CaseReply], tool: str) -> Share:
    own = [reply for reply in replies if reply.gold.tool == tool]
    return Share(
        replies=len(own),
        right_tool=sum(reply.api_match is True for reply in own),
        right_call=sum(reply.is_correct is True for reply in own),
    )
