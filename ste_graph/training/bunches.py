"""Bunches: an order of rows in which those of like length meet in a batch, since what is padded is computed in vain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

TOGETHER: Final = 8
"""So many batches are drawn at once and sorted among themselves: few enough for batches to stay mixed."""


class Bunches:
    """A sampler for torch: the places of all rows, once each, in an order that `seed` and epoch alone decide."""

    def __init__(self, lengths: Sequence[int], batch: int, *, seed: int) -> None:
        self._lengths = lengths
        self._batch = batch
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Take up the order of an epoch, counted from 0; the trainer does this."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        random = Random(f"{self._seed} bunches {self._epoch}")
        order = list(range(len(self._lengths)))
        random.shuffle(order)
        span = TOGETHER * self._batch
        batches: list[list[int]] = []
        for start in range(0, len(order), span):
            drawn = sorted(order[start : start + span], key=lambda row: self._lengths[row])
            batches += [drawn[at : at + self._batch] for at in range(0, len(drawn), self._batch)]
        # A batch that is not full has to be the last: torch cuts the places into batches by number.
        rest = [batches.pop()] if len(batches[-1]) < self._batch else []
        random.shuffle(batches)
        return (row for batch in [*batches, *rest] for row in batch)
