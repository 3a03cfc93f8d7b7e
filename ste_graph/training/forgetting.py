"""Forgetting: how well each batch of tools is known after each round of continual learning."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from ste_graph.contracts import Frozen


class Triangle(Frozen):
    """The triangular table: `rounds[r][b]` is the share of batch b that is right after round r, both from 0."""

    rounds: tuple[tuple[float, ...], ...]
    batches: tuple[str, ...] = ()
    """What the batches are called; without, by number."""

    @model_validator(mode="after")
    def _is_triangular(self) -> Self:
        for number, shares in enumerate(self.rounds):
            if len(shares) != number + 1:
                raise ValueError(f"round {number} has {len(shares)} results; expected one per batch seen: {number + 1}")
        if self.batches and len(self.batches) < len(self.rounds):
            raise ValueError(f"{len(self.rounds)} rounds, but names for {len(self.batches)} batches only")
        return self

    def name(self, batch: int) -> str:
        """What a batch is called."""
        return self.batches[batch] if self.batches else f"batch {batch}"

    def of(self, batch: int) -> tuple[float, ...]:
        """How well a batch was known after each round from its own on."""
        return tuple(shares[batch] for shares in self.rounds[batch:])

    @property
    def forgotten(self) -> tuple[float, ...]:
        """Per batch, how much less is right at the end than at its best; 0 for the last."""
        return tuple(max(self.of(batch)) - self.of(batch)[-1] for batch in range(len(self.rounds)))

    @property
    def kept(self) -> tuple[float | None, ...]:
        """Per batch, what is right at the end as a share of what was when it had just been learnt; None of nothing."""
        shares = [self.of(batch) for batch in range(len(self.rounds))]
        return tuple(one[-1] / one[0] if one[0] else None for one in shares)

    def text(self) -> str:
        """The table in fixed columns, percentages, with what was forgotten and kept below."""
        if not self.rounds:
            return "no round yet"
        lines = [["after round", *(self.name(batch) for batch in range(len(self.rounds)))]]
        lines += [[str(number), *map(_percent, shares)] for number, shares in enumerate(self.rounds)]
        lines += [["forgotten", *map(_percent, self.forgotten)], ["kept", *map(_percent, self.kept)]]
        width = [max(len(line[column]) for line in lines if column < len(line)) for column in range(len(lines[0]))]
        return "\n".join(
            "  ".join(cell.rjust(room) if column else cell.ljust(room) for column, (cell, room) in enumerate(pairs))
            for pairs in (list(zip(line, width, strict=False)) for line in lines)
        )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"
