"""The report as text for a terminal and as Markdown, from the same sections."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ste_graph.grouping import group
from ste_graph.report.tools.calls import sorted_json
from ste_graph.report.tools.failures import SHOWN, Repair
from ste_graph.report.tools.findings import describe_arms, list_findings, quote, shorten
from ste_graph.report.tools.limits import Refusal
from ste_graph.report.tools.report import ToolReport
from ste_graph.report.tools.rewriting import Share
from ste_graph.text import align_columns, count_noun, join_first, printable

MOST = 12
"""Findings that the first section lists."""
MOST_ROWS = 20
"""Rows of failures."""
LONG = 160
SIMULATED = "A simulated model was asked: this shows that the report works, and nothing about the tools."


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report: a table of facts, or entries with lines below them; `note` says what it rests on."""

    title: str
    note: str = ""
    rows: Sequence[Sequence[str]] = ()
    """The head first."""
    entries: Sequence[Sequence[str]] = ()
    """The first line of each is its head."""
    numbered: bool = False


def render_text(report: ToolReport) -> str:
    """The report as a terminal shows it."""
    parts = ["\n".join(_head(report))]
    for section in list_sections(report):
        lines = [section.title]
        lines += [f"  {section.note}"] if section.note else []
        lines += (
            [f"  {line}" for line in align_columns(section.rows, left=range(len(section.rows[0])))]
            if section.rows
            else []
        )
        for number, (head, *rest) in enumerate(section.entries, start=1):
            mark = f"{number:>2}. " if section.numbered else "- "
            lines += [f"  {mark}{head}", *(f"  {' ' * len(mark)}{line}" for line in rest)]
        parts.append("\n".join(lines))
    return printable("\n\n".join(parts))


def render_markdown(report: ToolReport) -> str:
    """The report as Markdown; texts of models and tools cannot become markup."""
    title, *head = _head(report)
    parts = [f"# {escape_markdown(title)}", "\n".join(f"{escape_markdown(line)}  " for line in head)]
    for section in list_sections(report):
        parts.append(f"## {section.title}")
        parts += [escape_markdown(section.note)] if section.note else []
        if section.rows:
            first, *rows = [[escape_markdown(cell) for cell in row] for row in section.rows]
            table = [first, ["---"] * len(first), *rows]
            parts.append("\n".join(f"| {' | '.join(row)} |" for row in table))
        for number, (entry, *rest) in enumerate(section.entries, start=1):
            mark = f"{number}." if section.numbered else "-"
            indent = " " * (len(mark) + 1)
            parts.append(
                "\n".join(
                    [f"{mark} {escape_markdown(entry)}", *(f"{indent}- {escape_markdown(line)}" for line in rest)]
                )
            )
    return printable("\n\n".join(parts))


def list_sections(report: ToolReport) -> list[Section]:
    """The sections that have something to say, in order."""
    makers: tuple[Callable[[ToolReport], Section | None], ...] = (
        _findings,
        _confusions,
        _needless,
        _failures,
        _mismatches,
        _missing_values,
        _misleading,
        _refusals,
        _rewritings,
    )
    return [section for make in makers if (section := make(report))]


def _head(report: ToolReport) -> Iterator[str]:
    yield f"{count_noun(len(report.tools), 'tool')} as {', '.join(report.models) or 'a model'} met them"
    yield (
        f"{count_noun(report.trials, 'trial')} with {count_noun(report.calls, 'call')}, {report.failed_calls:,} wrong; "
        f"{count_noun(report.replies, 'test reply')}" + (f" of the arm {report.arm}" if report.arm else "")
    )
    yield f"from {', '.join(report.runs)}"
    if report.simulated:
        yield SIMULATED


def _findings(report: ToolReport) -> Section:
    found = list_findings(report)
    often = [entry for entry in found if entry.count > 1]
    entries = [(entry.what, f"seen: {entry.evidence}", f"try: {entry.advice}") for entry in often[:MOST]]
    once = len(found) - len(often)
    note = "Most frequent first." if often else "Nothing went wrong more than once."
    note += f" {len(often) - MOST} more are below." if len(often) > MOST else ""
    note += f" {count_noun(once, 'thing')} happened once, which may be chance; see below." if once else ""
    return Section("What to fix first", note, entries=entries, numbered=True)


def _confusions(report: ToolReport) -> Section | None:
    entries = []
    for entry in report.confusions:
        called = (
            "no call" if entry.called is None else entry.called if entry.exists else f"{entry.called} (no such tool)"
        )
        lines = [f"{entry.asked} → {called}: {entry.count} of {count_noun(entry.of, 'request')}"]
        for tool in (entry.asked, entry.called):
            if text := report.descriptions.get(tool or ""):
                lines.append(f"{tool} says: {shorten(text, LONG)}")
        lines.append(f"requests: {', '.join(map(quote, entry.requests[:3]))}")
        if entry.drawn_by:
            lines.append(f"words of these requests that only {entry.called} has: {', '.join(entry.drawn_by)}")
        if entry.shared:
            lines.append(f"words that both have: {', '.join(entry.shared)}")
        if entry.other_arms:
            lines.append(describe_arms(entry.other_arms))
        lines += [f"trials: {_ids(entry.ids)}"] if entry.ids else []
        entries.append(lines)
    source = (
        f"test replies of the arm {report.arm}" if report.replies else "trials; only a test offers all tools at once"
    )
    return Section("Tools taken for one another", f"From {source}.", entries=entries) if entries else None


def _needless(report: ToolReport) -> Section | None:
    rows: list[tuple[str, ...]] = [("tool", "times", "example")]
    for entry in report.needless:
        rows.append((entry.tool, f"{entry.count} of {entry.of}", quote(entry.requests[0])))
    note = "Something had to be asked first, or no tool can do it."
    return Section("Called although no call was right", note, rows) if report.needless else None


def _failures(report: ToolReport) -> Section | None:
    rows: list[tuple[str, ...]] = [("parameter", "kind", "times", "error", "repaired", "example", "trial")]
    for entry in report.failures[:MOST_ROWS]:
        where = f"{entry.tool}.{', '.join(entry.parameters) or '(names none)'}"
        value = shorten(entry.values[0], 40) if entry.values else "-"
        error, times = shorten(entry.error, LONG), f"{entry.count} of {entry.calls}"
        rows.append((where, entry.kind, times, error, str(entry.repaired), value, entry.trials[0]))
    more = len(report.failures) - MOST_ROWS
    note = f"{count_noun(more, 'rarer failure')} more: see --format json." if more > 0 else ""
    return Section("How parameters fail", note, rows) if report.failures else None


def _mismatches(report: ToolReport) -> Section | None:
    rows: list[tuple[str, ...]] = [("parameter", "how", "times", "wanted", "got", "request")]
    for entry in report.mismatches:
        example = entry.examples[0]
        times = f"{entry.count} of {entry.replies}"
        where, values = f"{entry.tool}.{entry.parameter}", (shorten(example.wanted, 40), shorten(example.given, 40))
        rows.append((where, entry.how, times, *values, quote(example.query)))
    return Section("Wrong arguments to the right tool", "", rows) if report.mismatches else None


def _missing_values(report: ToolReport) -> Section | None:
    rows: list[tuple[str, ...]] = [("look-up", "value", "times", "what the tool answered", "trial")]
    lookups = Counter((entry.tool, *entry.values) for entry in report.missing_values)
    shown: Counter[tuple[str, ...]] = Counter()
    for entry in report.missing_values:
        where, key = f"{entry.tool}.{', '.join(entry.values)}", (entry.tool, *entry.values)
        shown[key] += 1
        if shown[key] > SHOWN:
            if shown[key] == lookups[key]:
                rows.append((where, f"and {lookups[key] - SHOWN} more", "", "", ""))
            continue
        value = ", ".join(shorten(sorted_json(value), 40) for value in entry.values.values())
        answer = shorten(entry.answer, LONG) if entry.answer else "(an empty result)"
        rows.append((where, value, str(entry.count), answer, entry.trials[0]))
    return Section("Values that do not exist", "", rows) if report.missing_values else None


def _misleading(report: ToolReport) -> Section | None:
    entries = []
    often = [entry for entry in report.misleading if entry.failed > 1]
    for entry in often:
        repairs = "; ".join(map(_repair_text, entry.repairs[:3]))
        lines = [
            f"{entry.tool}.{entry.parameter}: {entry.failed} of {count_noun(entry.first_calls, 'first call')} wrong"
            f", {entry.requested} of them in the request's own words",
            f"says: {shorten(entry.description, LONG) or '(nothing)'}",
            f"schema: {shorten(entry.schema_part, LONG)}",
            f"trials: {_ids(entry.trials)}",
        ]
        entries.append(lines + ([f"repaired {count_noun(entry.repaired, 'time')}: {repairs}"] if repairs else []))
    note = "The first call of a trial rests on the description alone; these were refused or failed more than once."
    once = [f"{entry.tool}.{entry.parameter}" for entry in report.misleading if entry.failed == 1]
    note += f" Once, which may be chance: {', '.join(once)}." if once else ""
    return Section("Descriptions that mislead", note, entries=entries) if report.misleading else None


def _ids(ids: Sequence[str]) -> str:
    return f"{', '.join(ids[:6])}{' …' if len(ids) > 6 else ''}"


def _repair_text(repair: Repair) -> str:
    return f"{shorten(repair.wrong, 40)} → {shorten(repair.right, 40)}"


def _refusals(report: ToolReport) -> Section | None:
    rows: list[tuple[str, ...]] = [("provider", "what is refused", "where")]
    for (provider, what), entries in group(((entry.provider, entry.what), entry) for entry in report.refusals).items():
        rows.append((provider, what, join_first([place for entry in entries for place in _places(entry)], 4)))
    sources = dict.fromkeys(f"{entry.provider}: {entry.source}" for entry in report.refusals)
    note = f"Strict modes refuse a schema or drop the keyword. Sources: {'; '.join(sources)}."
    return Section("What providers refuse", note, rows) if report.refusals else None


def _places(entry: Refusal) -> list[str]:
    tool = [entry.tool] if entry.tool else []
    return [f"{entry.tool}.{place}" if place else str(entry.tool) for place in entry.where] or tool


def _rewritings(report: ToolReport) -> Section | None:
    entries = []
    for entry in report.rewritings:
        verdict = {True: "kept", False: "not kept", None: "no record of it in these runs"}[entry.kept]
        lines = [f"{entry.tool}: {verdict}{f', {shorten(entry.reason, LONG)}' if entry.reason else ''}"]
        lines.append(f"own: {shorten(entry.description, LONG) or '(nothing)'}")
        if entry.rewritten not in (None, entry.description):
            lines.append(f"{'new' if entry.kept else 'refused'}: {shorten(entry.rewritten, LONG)}")
        lines += [f"new, {name}: {shorten(text, LONG)}" for name, text in entry.parameters.items()]
        if entry.before is not None and entry.after is not None:
            lines.append(f"test, arm {entry.arm}: {_share_text(entry.before)} before, {_share_text(entry.after)} after")
        entries.append(lines)
    note = "Written from the trials, and kept only if they did better on requests that were set aside for that."
    return Section("Under rewritten descriptions", note, entries=entries) if entries else None


def _share_text(share: Share) -> str:
    return f"right tool {share.right_tool}, right call {share.right_call} of {share.replies}"


def escape_markdown(text: str) -> str:
    """A text whose characters mean nothing to Markdown, but for code in backticks that is closed again."""
    parts = re.split(r"(`[^`\n|<]+`)", " ".join(text.split()))
    return "".join(part if at % 2 else re.sub(r"([\\`*_{}\[\]<>#|~!])", r"\\\1", part) for at, part in enumerate(parts))
