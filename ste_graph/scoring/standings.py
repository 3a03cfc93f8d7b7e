"""What an evaluation shows to a person: how the arms stand, what they gain, where they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ste_graph.scoring.difference import Difference
from ste_graph.scoring.share import Share, correct
from ste_graph.scoring.wording import columns, reach, signed
from ste_graph.stats import Interval

if TYPE_CHECKING:
    from ste_graph.scoring.score import Score

SHOWN = 5
"""Mistaken tools that are named of each arm."""


def standings(
    scores: Mapping[str, Score], gains: Mapping[str, Difference], *, head: str, notes: Sequence[str], seed: int = 0
) -> str:
    """The arms, the baseline first; their gains over it; every tool; and which tools were taken for which."""
    baseline = next(iter(scores))
    parts = [head, "\n".join(columns(_arms(scores, seed))), "\n".join(notes)]
    if gains:
        parts.append("\n".join([f"gain of `correct` over `{baseline}`, in points, paired by tool:", *_gains(gains)]))
    parts += ["\n".join(columns(_tools(scores))), _confused(scores)]
    return "\n\n".join(part for part in parts if part)


def _arms(scores: Mapping[str, Score], seed: int) -> list[list[str]]:
    rows = [
        [
            "arm", "well-formed", "API match", "correct", "95 % over tools", "Student's t", "arguments right", "of",
            "extra arguments", "mended",
        ]
    ]  # fmt: skip
    for name, score in scores.items():
        least = score.intervals(correct, seed=seed)
        ranges = [reach(one) for one in least]
        if score.questions:
            most = score.intervals(correct, upper=True, seed=seed)
            ranges = [a if a == b else f"{a}; {b}" for a, b in zip(ranges, map(reach, most), strict=True)]
        shares: list[Share] = [score.wellformed, score.api_match, score.correct]
        right, extra = score.argument_accuracy, sum(bool(one.extra) for one in score.labels)
        counts = [str(right), str(right.of), str(extra), str(score.repaired)]
        rows.append([name, *map(str, shares), *ranges, *counts])
    return rows


def _gains(gains: Mapping[str, Difference]) -> list[str]:
    width = max(map(len, gains))
    return [f"  {name:{width}}  {_gain(gain)}" for name, gain in gains.items()]


def _gain(gain: Difference) -> str:
    bounds = signed(gain.least)
    if gain.least != gain.most:
        bounds = f"at least {bounds}, at most {signed(gain.most)}"
    resampled = isinstance(gain.least, Interval) and gain.least.method == "bootstrap-t"
    check = f"; by Student's t {reach(gain.check)}" if resampled else ""
    return f"{bounds}{check}; {gain.won} {'case' if gain.won == 1 else 'cases'} won, {gain.lost} lost"


def _tools(scores: Mapping[str, Score]) -> list[list[str]]:
    first = next(iter(scores.values()))
    rows = [["correct, %, by tool", "cases", *scores]]
    for tool, own in first.by_tool.items():
        rows.append([tool, str(len(own)), *(str(correct(score.by_tool[tool])) for score in scores.values())])
    return rows


def _confused(scores: Mapping[str, Score]) -> str:
    lines = []
    for name, score in scores.items():
        for (gold, called), count in score.confusion.most_common(SHOWN):
            lines.append(f"  {name}: {count} x {called} instead of {gold}")
        if (more := len(score.confusion) - SHOWN) > 0:
            lines.append(f"  {name}: and {more} more")
    return "\n".join(["called in place of the right tool:", *lines]) if lines else ""
