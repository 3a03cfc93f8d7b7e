"""Room in a prompt: how much of a form fits into so many tokens."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from ste_graph.text import approximate_tokens


def fit_first(texts: Sequence[str], room: int | None) -> int:
    """How many of the texts, from the first on, fit into `room` tokens; None: all. The first that does not ends it."""
    tokens = accumulate(map(approximate_tokens, texts))
    return len(texts) if room is None else sum(total <= room for total in tokens)


def fit_last(texts: Sequence[str], room: int | None) -> int:
    """How many of the texts, from the last one backwards, fit into `room` tokens; None: all."""
    return fit_first(texts[::-1], room)
