"""Proportions of replies: the paper's three, each between two bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ste_graph.contracts import Json
from ste_graph.scoring.reply import CaseReply
from ste_graph.text import percent


@dataclass(frozen=True, slots=True)
class Proportion:
    """A count of so many, between two bounds that differ by the cases that nobody has decided."""

    lower: int
    upper: int
    of: int

    @property
    def low(self) -> float | None:
        """The lower bound as a fraction; None of nothing."""
        return self.lower / self.of if self.of else None

    @property
    def high(self) -> float | None:
        return self.upper / self.of if self.of else None

    def to_json(self) -> dict[str, Json]:
        return {"lower": self.low, "upper": self.high, "count": [self.lower, self.upper], "of": self.of}

    def __str__(self) -> str:
        """In percent, with one decimal: `30.1`, or `22.4..30.4`, or `-` of nothing."""
        return percent(self.low) if self.lower == self.upper else f"{percent(self.low)}..{percent(self.high)}"


Measure = Callable[[Iterable[CaseReply]], Proportion]
"""A proportion of some replies."""


def wellformedness(replies: Iterable[CaseReply]) -> Proportion:
    """Replies with a call that can be read, of all."""
    own = list(replies)
    count = sum(not reply.err and not reply.no_call for reply in own)
    return Proportion(count, count, len(own))


def api_match(replies: Iterable[CaseReply]) -> Proportion:
    """Calls to the right tool, of those that can be read."""
    matches = [reply.api_match for reply in replies if reply.api_match is not None]
    return Proportion(sum(matches), sum(matches), len(matches))


def correctness(replies: Iterable[CaseReply], *, strict: bool = False) -> Proportion:
    """Right calls, of all; if `strict`, one with an argument that the gold call does not have is wrong."""
    verdicts = [False if strict and reply.extra_arguments else reply.is_correct for reply in replies]
    right = sum(verdict is True for verdict in verdicts)
    return Proportion(right, right + verdicts.count(None), len(verdicts))


def consistency(replies: Iterable[CaseReply]) -> Proportion:
    """Cases to which every reply is right, of all: pass^k, for k replies a case."""
    verdicts: dict[tuple[str, str], list[bool | None]] = {}
    for reply in replies:
        verdicts.setdefault(reply.key, []).append(reply.is_correct)
    lower = sum(all(own) for own in verdicts.values())
    return Proportion(lower, sum(False not in own for own in verdicts.values()), len(verdicts))
