"""Estimates and rows as text for a person."""

from __future__ import annotations

from collections.abc import Sequence

from ste_graph.stats import Estimate, Interval


def reach(estimate: Estimate) -> str:
    """An interval of shares in percent, as in `41.0..52.5`."""
    if isinstance(estimate, Interval):
        return f"{100 * estimate.low:.1f}..{100 * estimate.high:.1f}"
    return "none"


def signed(estimate: Estimate) -> str:
    """A difference of shares in points with its interval, or with the reason why there is none."""
    if isinstance(estimate, Interval):
        note = f"; {estimate.note}" if estimate.note else ""
        level = f"{100 * estimate.level:.2f}".rstrip("0").rstrip(".")
        ends = f"{100 * estimate.low:+.1f}..{100 * estimate.high:+.1f}"
        return f"{100 * estimate.mean:+.1f} ({level} % {ends} by {estimate.method}{note})"
    return f"{100 * (estimate.mean or 0):+.1f} (no interval: {estimate.reason})"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of equal length as aligned lines: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True)))
        .rstrip()
        for row in rows
    ]  # fmt: skip
