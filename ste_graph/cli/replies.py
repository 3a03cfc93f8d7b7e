"""Replies to a test as text for a person."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ste_graph.cli.trials import field_lines
from ste_graph.contracts import is_simulated
from ste_graph.scoring.share import Share
from ste_graph.text import align_columns, count_noun

if TYPE_CHECKING:
    from pathlib import Path

    from ste_graph.contracts import Json

Line = Mapping[str, "Json"]
"""A `reply` in the journal."""

RIGHT = {True: "right", False: "wrong", None: "undecided"}


def compare_with(run: Path) -> str:
    """The command that compares the arms of a run."""
    return f"ste run evaluate --set {shlex.quote(f'data.replies.runs=[{run}]')}"


def by_arm(run: Path, replies: Sequence[Line]) -> str:
    """A line per arm: how many replies are a call that can be read, to the right tool, and right; in percent."""
    arms: dict[str, list[Line]] = {}
    for line in replies:
        arms.setdefault(line["arm"], []).append(line)
    rows = [["arm", "replies", "well-formed", "API match", "correct", ""]]
    rows += [[arm, str(len(own)), *_shares(own), ""] for arm, own in arms.items()]
    models = ", ".join(dict.fromkeys(str(line["model"]) for line in replies))
    head = f"{run}: {count_noun(len(replies), 'reply')}, model: {models}"
    return "\n".join([head, "", *align_columns(rows, left=(0, -1)), "", f"Compare the arms with: {compare_with(run)}"])


def one_by_one(line: Line) -> str:
    """A reply with what was asked for, and what is right or wrong about it."""
    gold = line["gold"]
    label = " (simulated)" if is_simulated(line["model"]) else ""
    lines = [
        f"-- {gold['tool']}, {line['arm']}: {RIGHT[_correct(line)]}{label}",
        *field_lines("request", line["query"]),
    ]
    lines += field_lines("wanted", f"{gold['tool']} {json.dumps(gold['arguments'], ensure_ascii=False)}")
    lines += field_lines("reply", line["output"] if line["output"] is not None else "(none)")
    lines += field_lines("problem", line["problem"]) if line["problem"] else []
    return "\n".join(lines)


def _shares(own: Sequence[Line]) -> list[str]:
    readable = [line for line in own if not line["err"] and not line["no_call"]]
    matches, right = sum(bool(line["api_match"]) for line in readable), [_correct(line) for line in own]
    sure = right.count(True)
    shares = (
        Share(len(readable), len(readable), len(own)),
        Share(matches, matches, len(readable)),
        Share(sure, sure + right.count(None), len(own)),
    )
    return list(map(str, shares))


def _correct(line: Line) -> bool | None:
    """Whether the call is right; None where only a judge can tell."""
    return line["args_correct"] if line["api_match"] else False
