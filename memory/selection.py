"""Which of the exemplars found go into a prompt, and in which order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from pydantic import Field

from ste_graph.contracts import Frozen

from .exemplar import EXECUTION, FORMAT, Exemplar, Gate

Order: TypeAlias = Literal["most_similar_last", "most_similar_first"]


class Found(Frozen):
    """An exemplar and the cosine similarity of its request to the one at hand, in [-1, 1]."""

    similarity: float
    exemplar: Exemplar


class Selection(Frozen):
    """How exemplars are chosen for a request: the nearest ones that may be shown, at most `k`.

    Only exemplars that passed all `gates` and are not stale; never one that names a tool outside the offered ones.
    """

    k: int = Field(default=8, ge=0)
    per_tool: int | None = Field(default=None, ge=1)
    """At most so many of one tool."""
    contrast: bool = False
    """One of them is of another tool than the nearest one's: of the most similar other tool, in the last place."""
    order: Order = "most_similar_last"
    tokens: int | None = Field(default=None, ge=0)
    """The budget for their text; what does not fit is passed over, the nearest first. See `approximate_tokens`."""
    gates: tuple[Gate, ...] = (FORMAT, EXECUTION)
    observations: bool = True
    """Show what the calls gave, and the answer."""
    twins: bool = True
    """Whether one that asks the very same request may be shown: an agent is glad of it, a test must not see it."""
    paper: bool = False
    """As in the paper: the k nearest over all tools, whichever are offered, most similar first, the calls alone.

    It overrides all other settings but `k`, `gates` and `twins`.
    """

    @property
    def shows_observations(self) -> bool:
        """Whether what the calls gave is shown."""
        return self.observations and not self.paper

    @property
    def by_tool(self) -> bool:
        """Whether the nearest of each tool must be looked at, not just the nearest of all."""
        return not self.paper and (self.per_tool is not None or self.contrast)

    @property
    def fetches(self) -> int:
        """How many of the nearest suffice to choose from; with `by_tool`, of each tool."""
        return self.k if self.paper or self.per_tool is None else min(self.k, self.per_tool)


def chosen(
    by_similarity: Sequence[Found], selection: Selection, text: Callable[[Exemplar], str], count: Callable[[str], int]
) -> list[Found]:
    """Those of `by_similarity` (best first) that are shown, in the order in which to show them.

    `text` renders one exemplar; `count` counts the tokens of a text.
    """
    if selection.paper:
        return list(by_similarity[: selection.k])
    most = selection.per_tool or selection.k
    of_tool: Counter[str] = Counter()
    kept: list[Found] = []
    for found in by_similarity:
        if len(kept) < selection.k and of_tool[found.exemplar.tool] < most:
            of_tool[found.exemplar.tool] += 1
            kept.append(found)
    if selection.contrast and selection.k > 1 and len(of_tool) == 1:
        other = next((found for found in by_similarity if found.exemplar.tool not in of_tool), None)
        kept = [*kept[: selection.k - 1], other] if other else kept
    if selection.tokens is not None:
        kept = _within(kept, selection.tokens, lambda found: count(text(found.exemplar)))
    return kept if selection.order == "most_similar_first" else kept[::-1]


def approximate_tokens(text: str) -> int:
    """About how many tokens a text has, rather too many: a third of its bytes in UTF-8.

    English prose has some four bytes a token, JSON and other scripts three; give a tokenizer's own count where the
    budget must be met exactly.
    """
    return math.ceil(len(text.encode("utf-8", "surrogatepass")) / 3)


def _within(kept: Sequence[Found], budget: int, cost: Callable[[Found], int]) -> list[Found]:
    fitting = []
    for found in kept:
        if (price := cost(found)) <= budget:
            budget -= price
            fitting.append(found)
    return fitting
