"""Experience replay: the rows of one round of continual learning."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from random import Random

from ste_graph.training.rows.row import TrainingRow


def mix_rows(
    new: Sequence[TrainingRow],
    earlier: Sequence[Sequence[TrainingRow]],
    *,
    replay: float,
    general: Sequence[TrainingRow] = (),
    seed: int = 0,
) -> list[TrainingRow]:
    """The rows of the new batch, a share of those of each earlier one, and all general ones, in random order.

    Of an earlier batch the share `replay` (from 0 to 1) of its rows is drawn, rounded up: none at 0, else at least one
    (paper, section 4.3: 10 %, with 2,000 general rows).
    """
    random = Random(f"{seed} replay {len(earlier)}")
    rows = [*new, *general]
    for batch in earlier:
        rows += random.sample(list(batch), ceil(len(batch) * replay))
    random.shuffle(rows)
    return rows
