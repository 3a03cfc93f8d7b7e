"""Which of the exemplars found go into a prompt, and in which order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from ste_graph.contracts import Frozen, Selection
from ste_graph.memory.exemplars.exemplar import Exemplar


class Found(Frozen):
    """An exemplar and the cosine similarity of its request to the one at hand, in [-1, 1]."""

    similarity: float
    exemplar: Exemplar


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
