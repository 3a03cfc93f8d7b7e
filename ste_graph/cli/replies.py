"""Replies to a test as text for a person."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ste_graph.cli.trials import field_lines
from ste_graph.contracts import is_simulated
from ste_graph.text import align_columns, count_noun

if TYPE_CHECKING:
    from pathlib import Path

    from ste_graph.contracts import Json

JournalLine = Mapping[str, "Json"]
"""A `reply` in the journal."""

RIGHT = {True: "right", False: "wrong", None: "undecided"}


def comparison_command(run: Path) -> str:
    """The command that compares the arms of a run."""
    return f"ste run evaluate --set {shlex.quote(f'data.replies.runs=[{run}]')}"


def arms_table(run: Path, lines: Sequence[JournalLine]) -> str:
    """A row per arm: the replies that are a call that can be read, to the right tool, and right; in percent."""
    from ste_graph.scoring.proportion import api_match, correctness, wellformedness
    from ste_graph.scoring.reply import CaseReply

    replies = [CaseReply.from_line(line) for line in lines]
    arms: dict[str, list[CaseReply]] = {}
    for reply in replies:
        arms.setdefault(reply.arm, []).append(reply)
    rows = [["arm", "replies", "well-formed", "API match", "correct", ""]]
    for arm, own in arms.items():
        rows.append([arm, str(len(own)), str(wellformedness(own)), str(api_match(own)), str(correctness(own)), ""])
    models = ", ".join(dict.fromkeys(str(reply.model) for reply in replies))
    head = f"{run}: {count_noun(len(replies), 'reply')}, model: {models}"
    table = align_columns(rows, left=(0, -1))
    return "\n".join([head, "", *table, "", f"Compare the arms with: {comparison_command(run)}"])


def reply_text(line: JournalLine) -> str:
    """A reply with its gold call, and whether it is right."""
    from ste_graph.scoring.reply import CaseReply

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
