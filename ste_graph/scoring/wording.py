"""Estimates and rows as text for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ste_graph.stats import TOO_FEW, Estimate, Interval


def reach(estimate: Estimate) -> str:
    """An interval of shares in percent, as in `41.0..52.5`; `too few cases to tell` without one."""
    return range_text(estimate) if isinstance(estimate, Interval) else TOO_FEW


def range_text(interval: Interval, *, sign: Literal["", "+"] = "") -> str:
    """The two ends in percent, with one decimal, or as many more as it takes to tell them apart."""
    low, high = 100 * interval.low, 100 * interval.high
    texts = ((f"{low:{sign}.{digits}f}", f"{high:{sign}.{digits}f}") for digits in range(1, 18))
    return "..".join(next(ends for ends in texts if ends[0] != ends[1]))


def signed(estimate: Estimate) -> str:
    """A difference of shares in points with its interval, or with the reason why there is none."""
    if isinstance(estimate, Interval):
        note = f"; {estimate.note}" if estimate.note else ""
        level = f"{100 * estimate.level:.2f}".rstrip("0").rstrip(".")
        return f"{100 * estimate.mean:+.1f} ({level} % {range_text(estimate, sign='+')} by {estimate.method}{note})"
    return f"{100 * (estimate.mean or 0):+.1f} ({estimate.reason})"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of equal length as aligned lines: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True)))
        .rstrip()
        for row in rows
    ]  # fmt: skip
