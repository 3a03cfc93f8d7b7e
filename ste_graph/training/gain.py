"""Gain: what a training has added, tool by tool."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ste_graph.training.exactness import Exactness


def gain_table(before: Mapping[str, float], after: Exactness, only: Collection[str] = ()) -> str:
    """Per tool the share of exact replies before, after, and after for unseen values.

    The last line is over all requests that count. Tools that do not, since `only` names others, stand in brackets.
    """
    tools = sorted(after.per_tool, key=lambda tool: (bool(only) and tool not in only, tool))
    lines = [["exact, %", "before", "after", "unseen values"]]
    for tool in tools:
        name = tool if not only or tool in only else f"({tool})"
        unseen = after.unseen_per_tool.get(tool)
        lines.append([name, _percent(before.get(tool)), _percent(after.per_tool[tool]), _percent(unseen)])
    lines.append([f"all {after.count}", "", _percent(after.exact), _percent(after.exact_unseen)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) if place else cell.ljust(width) for place, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"
