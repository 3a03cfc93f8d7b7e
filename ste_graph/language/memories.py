"""Memories: lifetimes and record types of the entries in `memory:`."""

from __future__ import annotations

from collections.abc import Mapping

from ste_graph.language.diagnostics import closest
from ste_graph.language.blocks import Map
from ste_graph.language.expressions import Expression, ExpressionError
from ste_graph.language.findings import Findings
from ste_graph.language.graph import GraphReader, report_expression
from ste_graph.language.resolution import Entries, Resolved
from ste_graph.language.workflow import UNIT, MemorySpec
from ste_graph.records import Record


def memory_specs(
    entries: Entries, reader: GraphReader, unit: Map | None, records: Mapping[str, type[Record]], findings: Findings
) -> dict[str, MemorySpec]:
    """The memories that are on, checked."""
    longest = unit.name if unit else UNIT
    return {
        name: MemorySpec(
            name=name,
            memory=entry.settings,
            lives=_lifetime(entry, reader, longest, findings),
            of=_record_type(entry, records, findings),
            like=_like(entry, findings),
            span=entry.span,
        )
        for name, entry in entries.memory.items()
    }


def _lifetime(entry: Resolved, reader: GraphReader, longest: str, findings: Findings) -> str:
    stated: str = entry.wiring.lives
    legal = sorted({*reader.loops, longest, "forever"})
    span = entry.tree.span_of(["lives"])
    if stated not in legal:
        findings.error(
            "E240",
            f"`{entry.name}` cannot live in `{stated}`: there is no such loop",
            span,
            expected=f"one of: {', '.join(legal)}",
            suggestion=closest(stated, legal),
        )
    elif stated == "forever" and getattr(entry.settings, "path", None) is None:
        holds = "only memories of records live on" if entry.cls.holds == "messages" else "`path: …`, where it is kept between runs"
        findings.error("E242", f"`{entry.name}` lives forever but has no path", span, expected=holds)
    return stated


def _record_type(entry: Resolved, records: Mapping[str, type[Record]], findings: Findings) -> str | None:
    of: str | None = entry.wiring.of
    if entry.cls.holds == "messages":
        if of is not None:
            findings.error("E243", f"`{entry.name}` holds messages, not records", entry.tree.span_of(["of"]), expected="no `of`")
        return None
    if of is None:
        findings.error("E243", f"`{entry.name}` does not say what it holds", entry.span, expected="`of: TYPE`, a type of record")
    elif of not in records:
        names = sorted(records)
        findings.error(
            "E243",
            f"`{entry.name}` holds records of type `{of}`, but the graph makes none",
            entry.tree.span_of(["of"]),
            expected=f"one of: {', '.join(names)}" if names else "a `record:` block in the graph",
            suggestion=closest(of, names),
        )
    return of


def _like(entry: Resolved, findings: Findings) -> Expression | None:
    recall = getattr(entry.settings, "recall", None)
    text = recall.get("like") if isinstance(recall, dict) else getattr(recall, "like", None)
    if text is None:
        return None
    try:
        return Expression.of(text)
    except ExpressionError as error:
        report_expression(error, "E230", entry.tree.at(["recall", "like"]) or entry.tree, findings)
        return None
