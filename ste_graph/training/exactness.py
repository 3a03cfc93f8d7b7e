"""Exactness: how many held-out requests a model answers with just the call that it should."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ste_graph.contracts import Frozen
from ste_graph.protocols.react import Action, parse
from ste_graph.scoring.comparison import equal
from ste_graph.training.rows import Row, by_tool


class Exactness(Frozen):
    """Shares from 0 to 1, over all rows and per tool. An `exact` reply names the tool and all arguments, no more."""

    count: int
    well_formed: float
    api_match: float
    exact: float
    per_tool: dict[str, float]
    unseen: int = 0
    """How many of the rows have a value that the training rows do not have."""
    exact_unseen: float | None = None
    """The share of those that is exact."""


def exactness(rows: Sequence[Row], replies: Sequence[str], known: Collection[str] = ()) -> Exactness:
    """Judge the reply to each row's prompt against its completion; `known` are the values of the training rows.

    Differs: `ste score` gives the paper's figures; here an argument too many, or one spelt otherwise, is wrong.
    """
    if not rows:
        raise ValueError("there are no rows to judge by; expected at least one")
    steps = [parse(reply) for reply in replies]
    right = [_same(row, reply) for row, reply in zip(rows, replies, strict=True)]
    named = [isinstance(step, Action) and step.name == row.tool for row, step in zip(rows, steps, strict=True)]
    known = frozenset(known)
    unseen = [yes for row, yes in zip(rows, right, strict=True) if any(value not in known for value in row.values)]
    verdicts = {id(row): yes for row, yes in zip(rows, right, strict=True)}
    return Exactness(
        count=len(rows),
        well_formed=_share([isinstance(step, Action) for step in steps]),
        api_match=_share(named),
        exact=_share(right),
        per_tool={tool: _share([verdicts[id(row)] for row in of]) for tool, of in by_tool(rows).items()},
        unseen=len(unseen),
        exact_unseen=_share(unseen) if unseen else None,
    )


def _same(row: Row, reply: str) -> bool:
    wanted, given = parse(row.completion), parse(reply)
    if isinstance(wanted, Action) and isinstance(given, Action):
        return wanted.name == given.name and equal(wanted.arguments, given.arguments)
    return row.completion.strip() == reply.strip()


def _share(of: Sequence[bool]) -> float:
    return sum(of) / len(of)
