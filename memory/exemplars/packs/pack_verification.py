"""The verification of a pack: are the tools still those, and do the calls of its exemplars give what they gave?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ste_graph.contracts import Tool
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.packs.pack_import import read_pack_exemplars
from ste_graph.packs.drift import DriftReport, compare_tools
from ste_graph.packs.outcome import GONE, PackOutcome, Status, count_parts
from ste_graph.packs.pack import Pack
from ste_graph.text import count_noun
from ste_graph.tools.forwarded import backend
from ste_graph.tools.policy import ToolPolicy
from ste_graph.tools.toolbox import Toolbox

SHOWN = 3
"""Exemplars of one kind that are named; the rest is counted."""


@dataclass(slots=True)
class RepeatedCalls:
    """The exemplars whose calls were made again, by what came of it."""

    same: list[Exemplar] = field(default_factory=list)
    """They gave what they had given."""
    other: list[tuple[Exemplar, str]] = field(default_factory=list)
    """They succeeded and gave something else, with what it is."""
    failed: list[tuple[Exemplar, str]] = field(default_factory=list)
    """They failed, with the reason."""
    unanswered: list[tuple[Exemplar, str]] = field(default_factory=list)
    """Their server gave no answer, with what is known of it: that says nothing about the exemplars."""
    untried: list[Exemplar] = field(default_factory=list)
    """They do more than read, are of tools that are not as they were, or the workflow refuses their calls."""


async def verify_tools(
    pack: Pack, tools: Sequence[Tool], policy: ToolPolicy | None, outcome: PackOutcome, *, calls: bool
) -> None:
    """Adds to `outcome` how the tools differ from those of the pack, what that touches, and what still holds.

    With `calls`, the calls of exemplars are made again, if their tools only read and are as they were.
    """
    report, exemplars = compare_tools(pack.definitions, tools), read_pack_exemplars(pack)
    _add_drift(pack, exemplars, report, outcome)
    if calls and exemplars:
        _add_calls(await repeat_calls(exemplars, tools, report, policy), outcome)


async def repeat_calls(
    exemplars: Sequence[Exemplar], tools: Sequence[Tool], report: DriftReport, policy: ToolPolicy | None
) -> RepeatedCalls:
    """Makes the calls of exemplars again. Only tools whose effect is `read`, and that are as they were, are called."""
    box, same, found = Toolbox(tools, policy), frozenset(report.same), RepeatedCalls()
    down: dict[int | str, str] = {}  # by the server, so that each is waited for once
    for exemplar in exemplars:
        if not exemplar.tools <= same or any(box.tools[name].effect != "read" for name in exemplar.tools):
            found.untried.append(exemplar)
            continue
        differs: str | None = None
        for step in exemplar.shown_calls:
            server = _server_of(box, step.action or "")
            if server in down:
                found.unanswered.append((exemplar, down[server]))
                break
            seen = await box.call(step.action or "", step.arguments or {})
            if seen.kind == "refused":
                found.untried.append(exemplar)
                break
            if seen.kind == "transport":
                down[server] = seen.text
                found.unanswered.append((exemplar, seen.text))
                break
            if not seen.ok:
                found.failed.append((exemplar, seen.text))
                break
            if step.observation is not None and seen.text != step.observation.text:
                differs = seen.text
        else:
            if differs is None:
                found.same.append(exemplar)
            else:
                found.other.append((exemplar, differs))
    return found


def _server_of(box: Toolbox, tool: str) -> int | str:
    """A key for the server of a tool, or the tool itself if no server is known."""
    server = backend(box.tools[tool]) if tool in box.tools else None
    return tool if server is None else id(server)


def _add_drift(pack: Pack, exemplars: Sequence[Exemplar], report: DriftReport, outcome: PackOutcome) -> None:
    own = frozenset(pack.manifest.tools)
    for drift in report.changed:
        touched = _count_of(pack, exemplars, drift.tool)
        status: Status = "lost" if drift.tool in own else "note"
        text = f"{drift.text}; it touches {count_parts(touched)}"
        outcome.add("tools", drift.tool, status, text, changes=drift.fields or GONE, touches=touched)
    for name in report.same:
        touched = _count_of(pack, exemplars, name)
        text = f"`{name}` is as it was" + (f": {count_parts(touched)}" if any(touched.values()) else "")
        outcome.add("tools", name, "holds", text, touches=touched)
    if report.new:
        names = ", ".join(f"`{name}`" for name in report.new)
        outcome.add("tools", "new", "note", f"nothing was measured with {names}, which the test did not offer")


def _count_of(pack: Pack, exemplars: Sequence[Exemplar], tool: str) -> dict[str, int]:
    """The number of items that a pack has of a tool, by their noun."""
    return {
        "exemplar": sum(tool in exemplar.tools for exemplar in exemplars),
        "lesson": sum(lesson.tool == tool for lesson in pack.lessons),
        "guideline": int(tool in pack.guideline),
        "description": int(tool in pack.descriptions),
        "case": sum(case.gold.tool == tool for case in pack.cases),
    }


def _add_calls(found: RepeatedCalls, outcome: PackOutcome) -> None:
    for tool, count in sorted(Counter(exemplar.tool for exemplar in found.same).items()):
        outcome.add(
            "calls", tool, "holds", f"`{tool}`: the calls of {count_noun(count, 'exemplar')} give what they gave"
        )
    for exemplar, why in found.failed[:SHOWN]:
        query = _line(exemplar.query)
        text = f"`{exemplar.tool}`: the call for {query!r} fails now: {_line(why)}"
        outcome.add("calls", f"{exemplar.tool}: {query}", "lost", text)
    if len(found.failed) > SHOWN:
        outcome.add("calls", "failed", "lost", f"{len(found.failed) - SHOWN} more calls fail now")
    for tool, count in sorted(Counter(exemplar.tool for exemplar, _ in found.other).items()):
        example = next(text for exemplar, text in found.other if exemplar.tool == tool)
        many = count_noun(count, "exemplar")
        outcome.add(
            "calls",
            f"{tool}, changed",
            "note",
            f"`{tool}`: the calls of {many} give something else than before, such as {_line(example)!r}",
        )
    if found.unanswered:
        silent, why = count_noun(len(found.unanswered), "exemplar"), _line(found.unanswered[0][1])
        outcome.add("calls", "unanswered", "unknown", f"the calls of {silent} got no answer: {why}")
    if found.untried:
        outcome.add(
            "calls",
            "untried",
            "note",
            f"{count_noun(len(found.untried), 'exemplar')} not tried: more than read, of changed tools, or refused by "
            "the workflow",
        )


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else f"{line[:119]}…"
