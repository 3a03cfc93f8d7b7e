"""A placebo for exemplars: as many, about as long, and of no use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random

from ste_graph.contracts import Selection
from ste_graph.distil.reading.normalisation import words
from ste_graph.ids import derive_id, derive_seed
from ste_graph.memory.exemplars.exemplar import Exemplar

_FOR_EACH = 8
"""Exemplars drawn for each that is shown, so that some of them are about as long."""


def make_placebo(
    query: str,
    shown: Sequence[Exemplar],
    selection: Selection,
    *,
    candidates: Sequence[tuple[str, str]],
    get: Callable[[Sequence[str]], Sequence[Exemplar]],
    text: Callable[[Exemplar], str],
) -> list[Exemplar]:
    """As many exemplars as `shown`, each made of two that are drawn by seed: the request of one, the calls of another.

    The two are of different tools, as far as possible, so that no request comes with a call that would serve it. They
    are drawn from `candidates` (id and tool), less the tools of `shown`, so that nothing is said about what is near the
    request; only if the other tools have too few do these help out, the nearest one's last. The request itself never
    appears. Lengths are those of the text that `text` renders; if nothing can be drawn, the placebo is empty.
    """
    asked = words(query)
    random = Random(derive_seed(selection.placebo or 0, asked))
    best_first = selection.paper or selection.order == "most_similar_first"
    ranks = {exemplar.tool: rank for rank, exemplar in enumerate(reversed(shown) if best_first else shown, start=1)}
    ids = _draw(candidates, ranks, _FOR_EACH * len(shown), random)
    pool = [exemplar for exemplar in get(ids) if words(exemplar.query) != asked]
    pairing = _Pairing(pool, ranks, text)
    return [pairing.pair_like(exemplar) for exemplar in shown] if len(pool) > 1 else []


def _draw(candidates: Sequence[tuple[str, str]], ranks: Mapping[str, int], count: int, random: Random) -> list[str]:
    """The ids of `count` exemplars, by chance, those of tools without a rank first and then by rank."""
    some = random.sample(candidates, min(len(candidates), 4 * count))
    others = [id for id, tool in some if tool not in ranks][:count]
    if len(others) == count:
        return others
    shuffled = random.sample(candidates, len(candidates))
    return [id for id, _ in sorted(shuffled, key=lambda candidate: ranks.get(candidate[1], 0))[:count]]


class _Pairing:
    """Puts requests and calls of a pool together, none of them a second time while there are others."""

    def __init__(self, pool: Sequence[Exemplar], ranks: Mapping[str, int], text: Callable[[Exemplar], str]) -> None:
        self._pool = pool
        self._ranks = ranks
        self._calls_length = {exemplar.id: len(text(exemplar)) - len(exemplar.query) for exemplar in pool}
        self._text = text
        self._requests_used: Counter[str] = Counter()
        self._calls_used: Counter[str] = Counter()

    def pair_like(self, shown: Exemplar) -> Exemplar:
        """A request with the calls of another, together about as long as `shown`."""
        asks = min(
            self._pool,
            key=lambda other: (
                self._requests_used[other.id],
                self._rank(other),
                abs(len(other.query) - len(shown.query)),
            ),
        )
        length = len(self._text(shown)) - len(asks.query)
        serves = min(
            (exemplar for exemplar in self._pool if exemplar is not asks),
            key=lambda other: (
                other.tool == asks.tool,
                self._calls_used[other.id],
                self._rank(other),
                abs(self._calls_length[other.id] - length),
            ),
        )
        self._requests_used[asks.id] += 1
        self._calls_used[serves.id] += 1
        return serves.model_copy(update={"id": derive_id(asks.id, serves.id), "query": asks.query})

    def _rank(self, exemplar: Exemplar) -> int:
        return self._ranks.get(exemplar.tool, 0)
