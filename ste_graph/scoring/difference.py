"""The gain of one arm over another on the same cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.scoring.reply import ArmReply
from ste_graph.scoring.score_sheet import ScoreSheet, estimate_json
from ste_graph.stats import LEVEL, Estimate, paired_difference, student_t

DIFFERENCES: tuple[float, float] = (-1, 1)


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean over tools of the proportion correct in arm `b` minus that in arm `a`, each with its interval.

    `least` and `most` differ by the calls that nobody has judged: `least` takes them for right in `a` and for wrong
    in `b`, `most` the other way round. A question that both arms raise has one answer, and so makes no difference.
    `check` is `least` by Student's t. `won` and `lost` count the cases that only `b`, or only `a`, has right for sure.
    """

    a: str
    b: str
    least: Estimate
    most: Estimate
    check: Estimate
    won: int
    lost: int

    def to_json(self) -> dict[str, Json]:
        estimates = {"least": self.least, "most": self.most, "student": self.check}
        found: dict[str, Json] = {name: estimate_json(estimate) for name, estimate in estimates.items()}
        return {"a": self.a, "b": self.b, **found, "won": self.won, "lost": self.lost}


def difference(a: ScoreSheet, b: ScoreSheet, *, seed: int = 0, level: float = LEVEL) -> Difference:
    """The paired difference of `correct`. Raises `WorkflowError` unless both arms have the same cases."""
    pairs = {tool: _pair_replies(tool, a.by_tool, b.by_tool) for tool in {**a.by_tool, **b.by_tool}}
    pairs = {tool: own for tool, own in pairs.items() if own}
    if not pairs:
        raise WorkflowError(f"{a.source} and {b.source}: there is no case to compare them on")
    bounds = {tool: [_gain(*pair) for pair in own] for tool, own in pairs.items()}
    zeros = [0.0] * len(bounds)
    lower, upper = ([sum(gain[end] for gain in own) / len(own) for own in bounds.values()] for end in (0, 1))
    least, most = (paired_difference(zeros, ends, seed, level=level, limits=DIFFERENCES) for ends in (lower, upper))
    gains = [gain for own in bounds.values() for gain in own]
    return Difference(
        a.source,
        b.source,
        least,
        most,
        check=student_t(lower, level=level, limits=DIFFERENCES),
        won=sum(least == 1 for least, _ in gains),
        lost=sum(most == -1 for _, most in gains),
    )


def _pair_replies(
    tool: str, a: Mapping[str, tuple[ArmReply, ...]], b: Mapping[str, tuple[ArmReply, ...]]
) -> list[tuple[ArmReply, ArmReply]]:
    first = {reply.query: reply for reply in a.get(tool, ())}
    second = {reply.query: reply for reply in b.get(tool, ())}
    if first.keys() != second.keys():
        alone = sorted(first.keys() ^ second.keys())
        raise WorkflowError(
            f"{tool}: {len(alone)} of the requests are only in one of the two files, such as {alone[0]!r}; "
            "a paired difference needs the same cases (score both against one test with --gold)"
        )
    return [(reply, second[query]) for query, reply in first.items()]


def _gain(a: ArmReply, b: ArmReply) -> tuple[int, int]:
    """The least and the most that arm `b` can gain on one case."""
    first, second = a.question, b.question
    if first and second and first.key == second.key:
        return 0, 0
    least = (b.is_correct is True) - (a.is_correct is not False)
    most = (b.is_correct is not False) - (a.is_correct is True)
    return least, most
