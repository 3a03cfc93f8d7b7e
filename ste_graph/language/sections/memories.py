"""Memories: lifetimes, record types and readers of the entries in `memory:`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ste_graph.language.expressions.expression import Expression, ExpressionError
from ste_graph.language.sections.entries import reference_kind
from ste_graph.language.sections.resolution import ResolvedEntry
from ste_graph.language.sections.vocabulary import report_expression
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.workflow import EARLIER_RUN, UNIT, VALUES, MemorySpec
from ste_graph.records import Record
from ste_graph.suggest import closest

_USES = {"messages": "`transcript: {}`", "records": "`memories: [{}]`", "values": "`use: values, memory: {}`"}


def memory_specs(
    memories: Mapping[str, ResolvedEntry],
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


def check_readers(memories: Iterable[ResolvedEntry], nodes: Iterable[ResolvedEntry], findings: Findings) -> None:
    """Report each memory that none of the nodes uses: it would cost time and change nothing."""
    used = {name for node in nodes for name in memory_names(node)}
    for memory in memories:
        if memory.name not in used:
            use = _USES[memory.cls.holds].format(memory.name)
            expected = f"a node in the graph with {use}, or `{memory.name}: off`"
            findings.error("E241", f"nothing uses the memory `{memory.name}`", memory.span, expected=expected)


def memory_names(node: ResolvedEntry) -> set[str]:
    """The memories that a node names: in `transcript`, in `memories`, in settings of its own."""
    fields = [name for name, info in node.cls.model_fields.items() if reference_kind(info) == "recall"]
    own = {getattr(node.settings, field) for field in fields}
    return {*node.wiring.memories, node.wiring.transcript, *own} - {None}


def _lifetime(entry: ResolvedEntry, lifetimes: Collection[str], findings: Findings) -> str:
    stated: str | None = entry.wiring.lives
    legal = {*lifetimes, "forever"}
    span = entry.tree.span_of(["lives"])
    if entry.cls.holds == "values":
        if stated not in (None, UNIT):
            message = f"`{entry.name}` holds what the whole run finds and cannot live in `{stated}`"
            findings.error("E240", message, span, expected="no `lives`, or `run`")
        return UNIT
    if _reads_earlier_run(entry):
        if stated not in (None, "forever"):
            message = f"`{entry.name}` is read from an earlier run and cannot live in `{stated}`"
            findings.error("E240", message, span, expected="no `lives`, or `forever`")
        return "forever"
    if stated is None:
        findings.error("E202", "missing key `lives` in `memory`", entry.span, expected=one_of(legal, ""))
        return "forever"
    if stated not in legal:
        message = f"`{entry.name}` cannot live in `{stated}`: unknown loop"
        findings.error("E240", message, span, expected=one_of(legal, ""), suggestion=closest(stated, legal))
    elif stated == "forever" and not _first_set(entry, "path", "url"):
        has_records = entry.cls.holds == "records"
        expected = "`path: …` or `url: …`" if has_records else "a loop: only memories of records can live forever"
        findings.error("E242", f"`{entry.name}` lives forever but has no path", span, expected=expected)
    elif stated != "forever" and (key := _first_set(entry, "path", "collection")):
        message = f"`{entry.name}` lives in `{stated}`, but has a `{key}`: only a memory that lives forever can"
        findings.error("E242", message, entry.tree.span_of([key]), expected=f"`lives: forever`, or no `{key}`")
    return stated


def _record_type(entry: ResolvedEntry, records: Mapping[str, type[Record]] | None, findings: Findings) -> str | None:
    of: str | None = entry.wiring.of
    span = entry.tree.span_of(["of"])
    if entry.cls.holds != "records":
        if of is not None:
            message = f"`{entry.name}` holds {entry.cls.holds}, not records"
            findings.error("E243", message, span, expected="no `of`")
        return None if entry.cls.holds == "messages" else VALUES
    if _reads_earlier_run(entry):
        if of is not None:
            message = f"`{entry.name}` is read from an earlier run, which decides the type of its records"
            findings.error("E243", message, span, expected="no `of`")
        return EARLIER_RUN
    if of is None:
        message = f"`{entry.name}` does not state the type of its records"
        findings.error("E243", message, entry.span, expected="`of: TYPE`, a record type")
    elif records is not None and of not in records:
        message = f"`{entry.name}` holds records of type `{of}`, but the graph makes none"
        expected = one_of(records, f"a `record: {of}` block in the graph")
        findings.error("E243", message, span, expected=expected, suggestion=closest(of, records))
    elif records is not None and records[of].text is Record.text:
        message = f"`{entry.name}` cannot hold records of type `{of}`: they have no `text` to be found by"
        findings.error("E243", message, span, expected=f"a property `text` of `{of}`")
    return of


def _first_set(entry: ResolvedEntry, *names: str) -> str | None:
    """The first of these settings that is set."""
    return next((name for name in names if getattr(entry.settings, name, None) is not None), None)


def _reads_earlier_run(entry: ResolvedEntry) -> bool:
    """True for a memory that an earlier run has filled, and that this one only reads."""
    return getattr(entry.settings, "source", None) is not None


def _like(entry: ResolvedEntry, findings: Findings) -> Expression | None:
    recall = getattr(entry.settings, "recall", None)
    text = getattr(recall, "like", None)
    if text is None:
        return None
    try:
        return Expression.from_value(text)
    except ExpressionError as error:
        report_expression(error, "E230", entry.tree.at(["recall", "like"]) or entry.tree, findings)
        return None
