"""A placebo for exemplars: as many, about as long, and of no use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random

from ste_graph.contracts import Selection
from ste_graph.distil.normalisation import words
from ste_graph.ids import derive_id, derive_seed
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.selector import ExemplarSearch

_FOR_EACH = 8
"""So many exemplars are drawn for each that is shown, so that some of them are about as long."""


def placebo(
    store: ExemplarSearch,
    query: str,
    shown: Sequence[Exemplar],
    selection: Selection,
    *,
    among: Sequence[tuple[str, str]],
    text: Callable[[Exemplar], str],
) -> list[Exemplar]:
    """As many exemplars as `shown`, each made of two that are drawn by seed: the request of one, the calls of another.

    The two are of different tools, as far as may be, so that no request stands with a call that would serve it. They
    are drawn from `among` (see `lendable`), less the tools of `shown`, so that nothing is said about what lies near the
    request; only where the other tools have too few do these help out, the nearest one's last. The request itself
    never stands there. Length is that of what `text` renders; where nothing can be drawn, there are none.
    """
    asked = words(query)
    random = Random(derive_seed(selection.placebo or 0, asked))
    first = selection.paper or selection.order == "most_similar_first"
    ranks = {one.tool: rank for rank, one in enumerate(reversed(shown) if first else shown, start=1)}
    ids = _drawn(among, ranks, _FOR_EACH * len(shown), random)
    pool = [one for one in store.named(ids) if words(one.query) != asked]
    mating = _Mating(pool, ranks, text)
    return [mating.like(one) for one in shown] if len(pool) > 1 else []


def _drawn(among: Sequence[tuple[str, str]], ranks: Mapping[str, int], count: int, random: Random) -> list[str]:
    """The ids of so many exemplars, by chance, those of tools without a rank first and then by rank."""
    some = random.sample(among, min(len(among), 4 * count))
    others = [id for id, tool in some if tool not in ranks][:count]
    if len(others) == count:
        return others
    return [id for id, _ in sorted(random.sample(among, len(among)), key=lambda one: ranks.get(one[1], 0))[:count]]


class _Mating:
    """Puts requests and calls of a pool together, none of them a second time while there are others."""

    def __init__(self, pool: Sequence[Exemplar], ranks: Mapping[str, int], text: Callable[[Exemplar], str]) -> None:
        self._pool = pool
        self._ranks = ranks
        self._length = {one.id: len(text(one)) - len(one.query) for one in pool}
        self._text = text
        self._asked: Counter[str] = Counter()
        self._served: Counter[str] = Counter()

    def like(self, shown: Exemplar) -> Exemplar:
        """A request with the calls of another, together about as long as `shown`."""
        long = len(self._text(shown))
        asks = min(
            self._pool,
            key=lambda one: (self._asked[one.id], self._rank(one), abs(len(one.query) - len(shown.query))),
        )
        left = long - len(asks.query)
        serves = min(
            (one for one in self._pool if one is not asks),
            key=lambda one: (
                one.tool == asks.tool,
                self._served[one.id],
                self._rank(one),
                abs(self._length[one.id] - left),
            ),
        )
        self._asked[asks.id] += 1
        self._served[serves.id] += 1
        return serves.model_copy(update={"id": derive_id(asks.id, serves.id), "query": asks.query})

    def _rank(self, one: Exemplar) -> int:
        return self._ranks.get(one.tool, 0)
