"""Memories: lifetimes, record types and readers of the entries in `memory:`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ste_graph.language.entries import resolved_kind
from ste_graph.language.expressions import Expression, ExpressionError
from ste_graph.language.findings import Findings, one_of
from ste_graph.language.resolution import Resolved
from ste_graph.language.vocabulary import report_expression
from ste_graph.language.workflow import MemorySpec
from ste_graph.records import Record
from ste_graph.suggest import closest

LENT = "lent"
"""What a memory holds that is read from an earlier run."""


def memory_specs(
    memories: Mapping[str, Resolved],
    lifetimes: Collection[str],
    records: Mapping[str, type[Record]] | None,
    findings: Findings,
) -> dict[str, MemorySpec]:
    """The memories that are on, checked.

    `lifetimes` are the loops and the unit, `records` the types that the graph makes (None: not all are known).
    """
    return {
        name: MemorySpec(
            name=name,
            memory=entry.settings,
            lives=_lifetime(entry, lifetimes, findings),
            of=_record_type(entry, records, findings),
            like=_like(entry, findings),
            span=entry.span,
        )
        for name, entry in memories.items()
    }


def check_readers(memories: Iterable[Resolved], nodes: Iterable[Resolved], findings: Findings) -> None:
    """Report each memory that none of the nodes uses: it would cost time and change nothing."""
    used = {name for node in nodes for name in used_by(node)}
    for memory in memories:
        if memory.name not in used:
            use = f"`transcript: {memory.name}`" if memory.cls.holds == "messages" else f"`memories: [{memory.name}]`"
            expected = f"a node in the graph with {use}, or `{memory.name}: off`"
            findings.error("E241", f"nothing reads the memory `{memory.name}`", memory.span, expected=expected)


def used_by(node: Resolved) -> set[str]:
    """The memories that a node names: in `transcript`, in `memories`, in settings of its own."""
    fields = [name for name, info in node.cls.model_fields.items() if resolved_kind(info) == "recall"]
    own = {getattr(node.settings, field) for field in fields}
    return {*node.wiring.memories, node.wiring.transcript, *own} - {None}


def _lifetime(entry: Resolved, lifetimes: Collection[str], findings: Findings) -> str:
    stated: str | None = entry.wiring.lives
    legal = {*lifetimes, "forever"}
    span = entry.tree.span_of(["lives"])
    if _lent(entry):
        if stated not in (None, "forever"):
            said = f"`{entry.name}` is read from an earlier run, so that it cannot live in `{stated}`"
            findings.error("E240", said, span, expected="no `lives`, or `forever`")
        return "forever"
    if stated is None:
        findings.error("E202", "`lives` is missing in `memory`", entry.span, expected=one_of(legal, ""))
        return "forever"
    if stated not in legal:
        said = f"`{entry.name}` cannot live in `{stated}`: there is no such loop"
        findings.error("E240", said, span, expected=one_of(legal, ""), suggestion=closest(stated, legal))
    elif stated == "forever" and not _set(entry, "path", "url"):
        records = entry.cls.holds == "records"
        remedy = (
            "`path: …` or `url: …`, where it is kept between runs" if records else "only memories of records live on"
        )
        findings.error("E242", f"`{entry.name}` lives forever but has no path", span, expected=remedy)
    elif stated != "forever" and (keeps := _set(entry, "path", "collection")):
        said = f"`{entry.name}` has a `{keeps}`, where it is kept between runs, but lives in `{stated}`"
        findings.error("E242", said, entry.tree.span_of([keeps]), expected=f"`lives: forever`, or no `{keeps}`")
    return stated


def _record_type(entry: Resolved, records: Mapping[str, type[Record]] | None, findings: Findings) -> str | None:
    of: str | None = entry.wiring.of
    span = entry.tree.span_of(["of"])
    if entry.cls.holds == "messages":
        if of is not None:
            findings.error("E243", f"`{entry.name}` holds messages, not records", span, expected="no `of`")
        return None
    if _lent(entry):
        if of not in (None, LENT):
            said = f"`{entry.name}` is read from an earlier run: what it holds is decided there"
            findings.error("E243", said, span, expected="no `of`")
        return LENT
    if of is None:
        remedy = "`of: TYPE`, a type of record"
        findings.error("E243", f"`{entry.name}` does not say what it holds", entry.span, expected=remedy)
    elif records is not None and of not in records:
        said = f"`{entry.name}` holds records of type `{of}`, but the graph makes none"
        expected = one_of(records, f"a `record: {of}` block in the graph")
        findings.error("E243", said, span, expected=expected, suggestion=closest(of, records))
    elif records is not None and records[of].text is Record.text:
        said = f"`{entry.name}` cannot hold records of type `{of}`, which do not say by which text they are found"
        findings.error("E243", said, span, expected=f"a property `text` of `{of}`")
    return of


def _set(entry: Resolved, *names: str) -> str | None:
    """The first of these settings that is set."""
    return next((name for name in names if getattr(entry.settings, name, None) is not None), None)


def _lent(entry: Resolved) -> bool:
    """Whether the memory is filled by an earlier run, and only read by this one."""
    return getattr(entry.settings, "source", None) is not None


def _like(entry: Resolved, findings: Findings) -> Expression | None:
    recall = getattr(entry.settings, "recall", None)
    text = getattr(recall, "like", None)
    if text is None:
        return None
    try:
        return Expression.from_value(text)
    except ExpressionError as error:
        report_expression(error, "E230", entry.tree.at(["recall", "like"]) or entry.tree, findings)
        return None
