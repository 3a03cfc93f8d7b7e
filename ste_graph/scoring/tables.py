"""Scores, gains and intervals as text for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from ste_graph.models.prices import Prices
from ste_graph.scoring.arm_cost import ArmCost
from ste_graph.scoring.candidate import CandidateArm
from ste_graph.scoring.difference import Difference
from ste_graph.scoring.proportion import Measure, consistency, correctness
from ste_graph.scoring.score_sheet import ScoreSheet
from ste_graph.stats import TOO_FEW, Estimate, Interval
from ste_graph.text import align_columns, count_noun, percent

SHORTEST_S = 0.05
"""Seconds below which the time of a reply says nothing."""
SHOWN = 5
"""Mistaken tools that are named of each arm."""


def interval_text(estimate: Estimate) -> str:
    """An interval of proportions in percent, as in `41.0..52.5`; `too few to tell` without one."""
    return range_text(estimate) if isinstance(estimate, Interval) else TOO_FEW


def range_text(interval: Interval, *, sign: Literal["", "+"] = "") -> str:
    """The two ends in percent, with one decimal, or as many more as it takes to tell them apart."""
    low, high = 100 * interval.low, 100 * interval.high
    texts = ((f"{low:{sign}.{digits}f}", f"{high:{sign}.{digits}f}") for digits in range(1, 18))
    return "..".join(next(ends for ends in texts if ends[0] != ends[1]))


def gain_text(estimate: Estimate) -> str:
    """A difference of proportions in points with its interval, or with the reason for its absence."""
    mean = f"{100 * (estimate.mean or 0):+.1f}"
    if not isinstance(estimate, Interval):
        return f"{mean} ({estimate.reason})"
    return f"{mean} ({100 * estimate.level:g} % {range_text(estimate, sign='+')}, {estimate.scope})"


def interval_texts(sheet: ScoreSheet, measure: Measure, *, seed: int = 0) -> list[str]:
    """The intervals of a measure for these tools and for tools like these, of both bounds if calls are undecided."""
    proportion = measure(sheet.replies)
    texts = [interval_text(estimate) for estimate in sheet.intervals(measure, seed=seed)]
    if proportion.lower == proportion.upper:
        return texts
    upper = [interval_text(estimate) for estimate in sheet.intervals(measure, upper=True, seed=seed)]
    return [low if low == high else f"{low}; {high}" for low, high in zip(texts, upper, strict=True)]


def arms_table(
    sheets: Mapping[str, ScoreSheet],
    gains: Mapping[str, Difference],
    candidates: Sequence[CandidateArm],
    costs: Mapping[str, ArmCost],
    prices: Prices | None,
    *,
    seed: int = 0,
) -> str:
    """The arms, the baseline first: correct, gain, and cost; a column that has nothing to say is left out."""
    found = {candidate.name: candidate for candidate in candidates}
    rows = [
        _arm_row(name, sheet, gains.get(name), found.get(name), costs[name], prices, seed)
        for name, sheet in sheets.items()
    ]
    columns = [name for name in rows[0] if name == "arm" or any(row[name] not in ("", "-") for row in rows)]
    return "\n".join(align_columns([columns, *([row[name] for name in columns] for row in rows)]))


def _arm_row(
    name: str,
    sheet: ScoreSheet,
    gain: Difference | None,
    candidate: CandidateArm | None,
    cost: ArmCost,
    prices: Prices | None,
    seed: int,
) -> dict[str, str]:
    several = sheet.replies_per_case
    price = None if prices is None else cost.price(prices)
    per_tokens = None if candidate is None else candidate.gain_per_1000_tokens
    more = None if candidate is None else candidate.prompt_tokens
    bounds = [] if gain is None else [gain.least] if gain.least == gain.most else [gain.least, gain.most]
    return {
        "arm": name,
        "correct, %": _mean_text(sheet, seed),
        "interval": interval_texts(sheet, correctness, seed=seed)[0],
        "gain, points": "..".join(f"{100 * bound.mean:+.1f}" for bound in bounds) or "-",
        "its interval": "; ".join(range_text(bound, sign="+") for bound in bounds) or "-",
        "p, Holm": "-" if candidate is None else f"{candidate.p_value:.2g}",
        f"all {several} right, %": str(consistency(sheet.replies)) if several > 1 else "-",
        "restraint, %": str(correctness(sheet.restraint_replies)) if sheet.restraint else "-",
        "prompt tokens": _amount(cost.prompt_tokens),
        "extra tokens": "-" if more is None else f"{more:+,.0f}",
        "per 1,000 tokens": "-" if per_tokens is None else f"{100 * per_tokens:+.1f}",
        "reply tokens": _amount(cost.completion_tokens),
        "calls": "-" if cost.calls in (None, 1) else f"{cost.calls:.2f}",
        "seconds": "-" if cost.seconds is None or cost.seconds < SHORTEST_S else _amount(cost.seconds, 1),
        f"{prices.currency if prices else ''} per 1,000 cases": "-" if price is None else f"{1000 * price:.2f}",
    }


def _mean_text(sheet: ScoreSheet, seed: int) -> str:
    """The mean over tools of the share correct, in percent; both bounds if calls are undecided."""
    ends = (sheet.intervals(correctness, upper=upper, seed=seed)[0].mean for upper in (False, True))
    return "..".join(dict.fromkeys(percent(end) for end in ends))


def _amount(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def details_table(sheets: Mapping[str, ScoreSheet], gains: Mapping[str, Difference]) -> str:
    """The details: how the replies were read, each gain in full, every tool, and the tools mistaken for others."""
    parts = ["\n".join(align_columns(_reading_rows(sheets)))]
    if gains:
        baseline = next(iter(sheets))
        parts.append("\n".join([f"gain of `correct` over `{baseline}`, in points, paired by tool:", *_gains(gains)]))
    parts += ["\n".join(align_columns(_tool_rows(sheets))), _confusions(sheets)]
    return "\n\n".join(part for part in parts if part)


def _reading_rows(sheets: Mapping[str, ScoreSheet]) -> list[list[str]]:
    rows = [["of the replies, %", "well-formed", "API match", "arguments right", "of", "extra arguments", "repaired"]]
    for name, sheet in sheets.items():
        right, extra = sheet.argument_accuracy, sum(bool(reply.extra_arguments) for reply in sheet.replies)
        shares = [sheet.wellformedness, sheet.api_match, right]
        rows.append([name, *map(str, shares), str(right.of), str(extra), str(sheet.repaired_count)])
    return rows


def _gains(gains: Mapping[str, Difference]) -> list[str]:
    width = max(map(len, gains))
    return [f"  {name:{width}}  {_gain(gain)}" for name, gain in gains.items()]


def _gain(gain: Difference) -> str:
    bounds = gain_text(gain.least)
    if gain.least != gain.most:
        bounds = f"at least {bounds}, at most {gain_text(gain.most)}"
    beyond = gain.beyond
    further = f"; {beyond.scope} {range_text(beyond, sign='+')}" if isinstance(beyond, Interval) else ""
    return f"{bounds}{further}; {count_noun(gain.won, 'case')} won, {gain.lost:,} lost"


def _tool_rows(sheets: Mapping[str, ScoreSheet]) -> list[list[str]]:
    first = next(iter(sheets.values()))
    rows = [["correct, %, by tool", "cases", *sheets]]
    for tool, own in first.by_tool.items():
        rows.append(
            [
                tool,
                str(len({reply.key for reply in own})),
                *(str(correctness(sheet.by_tool[tool])) for sheet in sheets.values()),
            ]
        )
    return rows


def _confusions(sheets: Mapping[str, ScoreSheet]) -> str:
    lines = []
    for name, sheet in sheets.items():
        for (gold, called), count in sheet.confusion.most_common(SHOWN):
            lines.append(f"  {name}: {count} x {called} instead of {gold}")
        if (more := len(sheet.confusion) - SHOWN) > 0:
            lines.append(f"  {name}: and {more} more")
    return "\n".join(["called in place of the right tool:", *lines]) if lines else ""
