"""The words of a memory's texts in another order: a placebo of the memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from random import Random


def shuffle_words(texts: Sequence[str], seed: int) -> list[str]:
    """The texts with their words permuted across all of them.

    As many texts, as many words in each, the same white space, the same words over all: hence the same total length.
    No text of two or more distinct words comes back whole, neither as a text nor inside a longer one. If the words
    allow no such order (`["a b", "a b", "b a"]` has none: three `a` and three `b` do not fill pairs of equals), as few
    as could be found come back. The same texts and seed always return the same.
    """
    originals = {tuple(words) for text in texts if len(set(words := text.split())) > 1}
    shape = [len(text.split()) for text in texts]
    words = [word for text in texts for word in text.split()]
    random = Random(seed)
    tries = max(_FEW, _PER_WORD * len(words))
    best = _deal_words(words, shape, originals, random, min(tries, _TRIES))
    for _ in range(_TRIES // tries):
        if not any(best.faults):
            break
        best = min(best, _deal_words(words, shape, originals, random, tries), key=lambda deal: sum(deal.faults))
    hands = iter(best.hands)
    return [_refill(text, next(hands)) for text in texts]


_FEW, _PER_WORD, _TRIES = 100, 20, 40_000
"""Swaps tried in one deal: so many at least, so many for each word; and so many over all deals, about half a second."""

_WHOLE = 1000
"""A text that comes back as a text weighs as much as so many that come back inside longer ones."""


class _Deal:
    """Words dealt into hands of given sizes, and how far each hand breaks the promise of `shuffled`."""

    def __init__(self, hands: list[list[str]], originals: set[tuple[str, ...]]) -> None:
        self._originals = originals
        self._sizes = sorted({len(original) for original in originals})
        self.hands = hands
        self.faults = [self._fault(hand) for hand in hands]

    def _fault(self, hand: Sequence[str]) -> int:
        windows = (tuple(hand[i : i + size]) for size in self._sizes for i in range(len(hand) - size + 1))
        inside = sum(window in self._originals for window in windows)
        return inside + _WHOLE * (tuple(hand) in self._originals)

    def worst_hands(self) -> list[int]:
        """The hands that are whole texts; without any, those that hold one."""
        whole = [hand for hand, fault in enumerate(self.faults) if fault >= _WHOLE]
        return whole or [hand for hand, fault in enumerate(self.faults) if fault]

    def swap_if_better(self, first: tuple[int, int], second: tuple[int, int]) -> bool:
        """Swap two words, each given as (hand, place), if that leaves less fault."""
        (a, i), (b, j) = first, second
        before = sum(self.faults[hand] for hand in {a, b})
        self.hands[a][i], self.hands[b][j] = self.hands[b][j], self.hands[a][i]
        after = {hand: self._fault(self.hands[hand]) for hand in {a, b}}
        if sum(after.values()) < before:
            for hand, fault in after.items():
                self.faults[hand] = fault
            return True
        self.hands[a][i], self.hands[b][j] = self.hands[b][j], self.hands[a][i]
        return False


def _deal_words(
    words: Sequence[str], shape: Sequence[int], originals: set[tuple[str, ...]], random: Random, tries: int
) -> _Deal:
    """One random deal, repaired by swapping words of the worst hands with any others."""
    pack = list(words)
    random.shuffle(pack)
    rest = iter(pack)
    deal = _Deal([list(islice(rest, size)) for size in shape], originals)
    places = [(hand, place) for hand, size in enumerate(shape) for place in range(size)]
    while tries > 0 and (faulty := deal.worst_hands()):
        for hand in faulty:
            for _ in range(_PER_WORD):
                tries -= 1
                if deal.swap_if_better((hand, random.randrange(shape[hand])), random.choice(places)):
                    break
    return deal


def _refill(text: str, words: Sequence[str]) -> str:
    """`text` with its words, one after another, replaced by `words`."""
    rest = iter(words)
    return re.sub(r"\S+", lambda _: next(rest), text)
