"""Exactness: the share of held-out requests that a model answers with exactly the expected call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from ste_graph.contracts import Frozen
from ste_graph.json_values import equal
from ste_graph.protocols.next_step import Action
from ste_graph.protocols.react import parse
from ste_graph.training.errors import TrainingError
from ste_graph.training.rows.row import TrainingRow


class Exactness(Frozen):
    """Shares from 0 to 1, over the rows that count. An `exact` reply names the tool and all its arguments, no more."""

    count: int
    well_formed: float
    api_match: float
    exact: float
    unseen: int
    """The number of rows with new values only: no training row has any of their freely chosen values."""
    exact_unseen: float | None
    """The share of those that is exact."""
    counts: dict[str, int]
    """The number of rows per tool, of tools that do not count too."""
    per_tool: dict[str, float]
    """The exact share per tool."""
    unseen_counts: dict[str, int]
    unseen_per_tool: dict[str, float]
    """The same for the rows with new values only, for each tool that has any."""


def exactness(
    rows: Sequence[TrainingRow],
    replies: Sequence[str],
    known_values: Collection[str] = (),
    *,
    include: Collection[str] = (),
) -> Exactness:
    """Compares the reply to each row's prompt with its completion.

    Differs: `ste score` gives the paper's figures; here an extra argument, or one spelt otherwise, is wrong.

    Args:
        rows: Held-out rows.
        replies: A model's reply to the prompt of each.
        known_values: The `value_keys` of the training rows.
        include: The tools whose rows count; empty: all.
    """
    known_values = frozenset(known_values)
    judged = [_Judgement(row, reply, known_values) for row, reply in zip(rows, replies, strict=True)]
    counted = [judgement for judgement in judged if not include or judgement.tool in include]
    if not counted:
        raise TrainingError(
            f"there are no held-out rows of {', '.join(include) or 'any tool'}; there are rows of:"
            f" {', '.join(sorted({judgement.tool for judgement in judged})) or 'none'}"
        )
    unseen = [judgement for judgement in counted if judgement.unseen]
    return Exactness(
        count=len(counted),
        well_formed=_share(judgement.well_formed for judgement in counted),
        api_match=_share(judgement.api_match for judgement in counted),
        exact=_share(judgement.exact for judgement in counted),
        unseen=len(unseen),
        exact_unseen=_share(judgement.exact for judgement in unseen) if unseen else None,
        counts=_count_per_tool(judged),
        per_tool=_share_per_tool(judged),
        unseen_counts=_count_per_tool([judgement for judgement in judged if judgement.unseen]),
        unseen_per_tool=_share_per_tool([judgement for judgement in judged if judgement.unseen]),
    )


class _Judgement:
    """The judgement of one reply."""

    def __init__(self, row: TrainingRow, reply: str, known_values: Collection[str]) -> None:
        step = parse(reply)
        self.tool = row.tool
        self.well_formed = isinstance(step, Action)
        self.api_match = isinstance(step, Action) and step.name == row.tool
        self.exact = _is_exact(row, reply)
        self.unseen = row.is_unseen(known_values)


def _count_per_tool(judged: Sequence[_Judgement]) -> dict[str, int]:
    return dict(sorted(Counter(judgement.tool for judgement in judged).items()))


def _share_per_tool(judged: Sequence[_Judgement]) -> dict[str, float]:
    tools = sorted({judgement.tool for judgement in judged})
    return {tool: _share(judgement.exact for judgement in judged if judgement.tool == tool) for tool in tools}


def _is_exact(row: TrainingRow, reply: str) -> bool:
    expected, found = parse(row.completion), parse(reply)
    if isinstance(expected, Action) and isinstance(found, Action):
        return expected.name == found.name and equal(expected.arguments, found.arguments)
    return row.completion.strip() == reply.strip()


def _share(flags: Iterable[bool]) -> float:
    flags = list(flags)
    return sum(flags) / len(flags)
