"""Effects of rewritten descriptions: the test's replies under the tools' own descriptions, and under the new ones."""

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
    description: str
    """The tool's own description."""
    rewritten: str | None
    """The new one; the last that was refused where none was kept; None if no run given here wrote one."""
    parameters: dict[str, str]
    """The rewritten descriptions of parameters, by name."""
    kept: bool | None
    """True if it did better on requests that were set aside for it; None if no run given here says so."""
    reason: str
    """The reason that it was kept or not."""
    arm: str | None
    """The arm of the test that showed it; None if none did, as where it was not kept."""
    before: Share | None
    after: Share | None
    """The replies of the test under either description."""


def list_rewritings(
    records: Sequence[Mapping[str, Json]],
    own: Sequence[CaseReply],
    by_arm: Mapping[str, Sequence[CaseReply]],
    descriptions: Mapping[str, str],
) -> list[Rewriting]:
    """The tools whose descriptions were rewritten, those first that gained or lost most.

    `records` are those named `description`, `own` the replies under the tools' own descriptions, and `by_arm` those
    under rewritten ones alone.
    """
    written = {str(line["tool"]): line for line in records}
    tested: list[tuple[str | None, str]] = [
        (arm, tool) for arm, replies in by_arm.items() for tool in {reply.gold.tool: None for reply in replies}
    ]
    tested += [(None, tool) for tool in written if tool not in {name for _, name in tested}]
    found = []
    for shown_in, tool in tested:
        line = written.get(tool, {})
        previous, refused = line.get("previous") or {}, line.get("refused") or ()
        kept = line.get("kept")
        if kept is False and not refused:  # nothing was proposed
            continue
        arm = None if kept is False else shown_in
        text = line.get("description") if kept else refused[-1]["description"] if refused else None
        found.append(
            Rewriting(
                tool=tool,
                description=str(previous.get("description") or descriptions.get(tool, "")),
                rewritten=text,
                parameters=(line.get("parameters") or {}) if kept else {},
                kept=kept,
                reason=str(line.get("reason") or ""),
                arm=arm,
                before=None if arm is None else _share(own, tool),
                after=None if arm is None else _share(by_arm[arm], tool),
            )
        )
    return sorted(found, key=lambda entry: (-_count_change(entry), entry.tool))


def _count_change(entry: Rewriting) -> int:
    """The replies by which a tool gained or lost; -1 without a test."""
    if entry.before is None or entry.after is None:
        return -1
    return abs(entry.after.right_call - entry.before.right_call)


def _share(replies: Sequence[CaseReply], tool: str) -> Share:
    own = [reply for reply in replies if reply.gold.tool == tool]
    return Share(
        replies=len(own),
        right_tool=sum(reply.api_match is True for reply in own),
        right_call=sum(reply.is_correct is True for reply in own),
    )
