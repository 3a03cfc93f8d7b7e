"""Gain: what a training has added, tool by tool."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ste_graph.training.exactness import Exactness


def gain_table(before: Mapping[str, float], after: Exactness, only: Collection[str] = ()) -> str:
    """Per tool the share of exact replies before and after, and after for requests with new values only.

    The last line is over all requests that count. Tools that do not, since `only` names others, stand in brackets.
    """
    counts, new = after.counts, after.unseen_counts
    tools = sorted(after.per_tool, key=lambda tool: (bool(only) and tool not in only, tool))
    lines = [["exact, %", "cases", "before", "after", "new values", "after"]]
    for tool in tools:
        name = tool if not only or tool in only else f"({tool})"
        first, second = before.get(tool), after.unseen_per_tool.get(tool)
        shares = [_percent(first), _percent(after.per_tool[tool])]
        lines.append([name, str(counts[tool]), *shares, str(new.get(tool, 0)), _percent(second)])
    counted = [tool for tool in tools if not only or tool in only]
    first = sum(before.get(tool, 0.0) * counts[tool] for tool in counted) / after.count if before else None
    shares = [_percent(first), _percent(after.exact)]
    whole = "all that count" if only else "all"
    lines.append([whole, str(after.count), *shares, str(after.unseen), _percent(after.exact_unseen)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) if place else cell.ljust(width) for place, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"
