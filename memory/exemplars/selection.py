"""The selection of exemplars for a prompt from those that a search found, and their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from ste_graph.contracts import Frozen, Selection
from ste_graph.memory.exemplars.exemplar import Exemplar


class ExemplarMatch(Frozen):
    """An exemplar and the cosine similarity of its request to the one at hand, in [-1, 1]."""

    similarity: float
    exemplar: Exemplar


def select_matches(
    by_similarity: Sequence[ExemplarMatch],
    selection: Selection,
    text: Callable[[Exemplar], str],
    count: Callable[[str], int],
) -> list[ExemplarMatch]:
    """Those of `by_similarity` (best first) that are shown, in the order in which to show them.

    `text` renders one exemplar; `count` counts the tokens of a text.
    """
    if selection.paper:
        return list(by_similarity[: selection.k])
    most = selection.per_tool or selection.k
    of_tool: Counter[str] = Counter()
    selected: list[ExemplarMatch] = []
    for match in by_similarity:
        if len(selected) < selection.k and of_tool[match.exemplar.tool] < most:
            of_tool[match.exemplar.tool] += 1
            selected.append(match)
    if selection.contrast and selection.k > 1 and len(of_tool) == 1:
        other = next((match for match in by_similarity if match.exemplar.tool not in of_tool), None)
        selected = [*selected[: selection.k - 1], other] if other else selected
    if selection.tokens is not None:
        selected = _fit_budget(selected, selection.tokens, lambda match: count(text(match.exemplar)))
    return selected if selection.order == "most_similar_first" else selected[::-1]


def _fit_budget(
    matches: Sequence[ExemplarMatch], budget: int, cost: Callable[[ExemplarMatch], int]
) -> list[ExemplarMatch]:
    fitting = []
    for match in matches:
        if (price := cost(match)) <= budget:
            budget -= price
            fitting.append(match)
    return fitting
