"""Records other than trials as text for a person, among them replies to a test."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ste_graph.cli.text.trials import field_lines
from ste_graph.contracts import Json, is_simulated
from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun
from ste_graph.grouping import group
from ste_graph.run.logs.journal import unit_key
from ste_graph.scoring.proportion import api_match, correctness, wellformedness
from ste_graph.scoring.reply import CaseReply
from ste_graph.suggest import did_you_mean, list_choices
from ste_graph.text import align_columns, count_noun

HIDDEN = ("id", "record", "started", "ended")
LONGEST = 300
RIGHT = {True: "right", False: "wrong", None: "undecided"}


def select_records(run: FinishedRun, kind: str | None, tool: str | None) -> list[dict[str, Json]]:
    """The journal's lines of one type of record (None: of all), and of one unit. Raises `WorkflowError`."""
    kinds = sorted(run.count_records())
    if kind is not None and kind not in kinds:
        hint = did_you_mean(kind, kinds)
        raise WorkflowError(f"{run.path}: has no record `{kind}`; {hint}it has: {list_choices(kinds)}")
    return list(run.records(kind, unit=tool))


def records_summary(run: FinishedRun, lines: Sequence[Mapping[str, Json]]) -> str:
    """One line with the number of records of each type."""
    kinds = Counter(line["record"] for line in lines)
    return f"{run.path}: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items())) or 'no record yet'}"


def record_text(line: Mapping[str, Json]) -> str:
    """One record: its type and unit, then the loops around it and its fields."""
    unit = unit_key(line)
    lines = [f"-- {line[unit]}: {line['record']}"]
    for name, value in line.items():
        if name not in (*HIDDEN, unit):
            lines += field_lines(
                name, value if isinstance(value, str) else _shorten(json.dumps(value, ensure_ascii=False))
            )
    return "\n".join(lines)


def _shorten(text: str) -> str:
    """Data as one readable line; longer data is cut, and shown whole by `--format json`."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … ({len(text):,} characters; all with --format json)"


def comparison_command(run: Path) -> str:
    """The command that compares the arms of a run."""
    return f"ste run evaluate --set {shlex.quote(f'data.replies.runs=[{run}]')}"


def replies_table(run: Path, lines: Sequence[Mapping[str, Json]]) -> str:
    """A row per arm: the replies that are a call that can be read, to the right tool, and right; in percent."""
    replies = [CaseReply.from_line(line) for line in lines]
    rows = [["arm", "replies", "well-formed", "API match", "correct", ""]]
    for arm, own in group((reply.arm, reply) for reply in replies).items():
        rows.append([arm, str(len(own)), str(wellformedness(own)), str(api_match(own)), str(correctness(own)), ""])
    models = ", ".join(dict.fromkeys(str(reply.model) for reply in replies))
    head = f"{run}: {count_noun(len(replies), 'reply')}, model: {models}"
    table = align_columns(rows, left=(0, -1))
    return "\n".join([head, "", *table, "", f"Compare the arms with: {comparison_command(run)}"])


def reply_text(line: Mapping[str, Json]) -> str:
    """A reply with its gold call, and whether it is right."""
    reply = CaseReply.from_line(line)
    label = " (simulated)" if is_simulated(reply.model) else ""
    arguments = json.dumps(reply.gold.arguments, ensure_ascii=False)
    lines = [
        f"-- {reply.gold.tool}, {reply.arm}: {RIGHT[reply.is_correct]}{label}",
        *field_lines("request", reply.query),
        *field_lines("wanted", f"{reply.gold.tool} {arguments}"),
        *field_lines("reply", reply.output if reply.output is not None else "(none)"),
        *(field_lines("problem", reply.problem) if reply.problem else []),
    ]
    return "\n".join(lines)
