"""Exactness: how many held-out requests a model answers with just the call that it should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from ste_graph.contracts import Frozen
from ste_graph.json_values import equal
from ste_graph.protocols.react import Action, parse
from ste_graph.training.faults import TrainingError
from ste_graph.training.rows import Row


class Exactness(Frozen):
    """Shares from 0 to 1, over the rows that count. An `exact` reply names the tool and all arguments, no more."""

    count: int
    well_formed: float
    api_match: float
    exact: float
    unseen: int
    """How many of the rows have new values only: no training row says any that is chosen freely."""
    exact_unseen: float | None
    """The share of those that is exact."""
    counts: dict[str, int]
    """How many rows there are of each tool, whether it counts or not."""
    per_tool: dict[str, float]
    """What is exact of each tool."""
    unseen_counts: dict[str, int]
    unseen_per_tool: dict[str, float]
    """The same of the rows with new values only, for each tool that has any."""


def exactness(
    rows: Sequence[Row], replies: Sequence[str], known: Collection[str] = (), *, only: Collection[str] = ()
) -> Exactness:
    """Judge the reply to each row's prompt against its completion.

    Differs: `ste score` gives the paper's figures; here an argument too many, or one spelt otherwise, is wrong.

    Args:
        rows: Held-out rows.
        replies: What a model replied to the prompt of each.
        known: What the training rows have `said`.
        only: The tools whose rows count; none: all.
    """
    known = frozenset(known)
    judged = [_Judged(row, reply, known) for row, reply in zip(rows, replies, strict=True)]
    counted = [one for one in judged if not only or one.tool in only]
    if not counted:
        raise TrainingError(
            f"there are no rows to judge by of {', '.join(only) or 'any tool'}; there are rows of:"
            f" {', '.join(sorted({one.tool for one in judged})) or 'none'}"
        )
    unseen = [one for one in counted if one.unseen]
    return Exactness(
        count=len(counted),
        well_formed=_share(one.formed for one in counted),
        api_match=_share(one.named for one in counted),
        exact=_share(one.right for one in counted),
        unseen=len(unseen),
        exact_unseen=_share(one.right for one in unseen) if unseen else None,
        counts=_counts(judged),
        per_tool=_per_tool(judged),
        unseen_counts=_counts([one for one in judged if one.unseen]),
        unseen_per_tool=_per_tool([one for one in judged if one.unseen]),
    )


class _Judged:
    """One reply, judged."""

    def __init__(self, row: Row, reply: str, known: Collection[str]) -> None:
        step = parse(reply)
        self.tool = row.tool
        self.formed = isinstance(step, Action)
        self.named = isinstance(step, Action) and step.name == row.tool
        self.right = _same(row, reply)
        self.unseen = row.is_unseen(known)


def _counts(judged: Sequence[_Judged]) -> dict[str, int]:
    return dict(sorted(Counter(one.tool for one in judged).items()))


def _per_tool(judged: Sequence[_Judged]) -> dict[str, float]:
    tools = sorted({one.tool for one in judged})
    return {tool: _share(one.right for one in judged if one.tool == tool) for tool in tools}


def _same(row: Row, reply: str) -> bool:
    wanted, given = parse(row.completion), parse(reply)
    if isinstance(wanted, Action) and isinstance(given, Action):
        return wanted.name == given.name and equal(wanted.arguments, given.arguments)
    return row.completion.strip() == reply.strip()


def _share(of: Iterable[bool]) -> float:
    yes = list(of)
    return sum(yes) / len(yes)
