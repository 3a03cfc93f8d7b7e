"""The gain of one arm over another on the same cases."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.scoring.reply import ArmReply
from ste_graph.scoring.score_sheet import ScoreSheet, estimate_json
from ste_graph.stats import Estimate, Interval, gain_interval, gain_p_value, tools_interval
from ste_graph.text import count_noun

DIFFERENCES: tuple[float, float] = (-1, 1)


@dataclass(frozen=True, slots=True)
class PairedCases:
    """The cases of a tool that both arms replied to, and their gains: a case's is that of the mean of its replies.

    `won` adds up the gains of the cases in which the second arm is better, `lost` those in which the first one is; with
    one reply a case these are the numbers of such cases. `squares` adds up the squared gains.
    """

    won: float
    lost: float
    cases: int
    squares: float | None = None
    replies: int = 1

    @property
    def gain(self) -> float:
        return (self.won - self.lost) / self.cases

    @property
    def interval(self) -> Interval:
        """The interval of the gain on this tool alone."""
        return gain_over_tools({"": self})


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean over tools of the proportion correct in arm `b` minus that in arm `a`, each with its interval.

    `least` and `most` differ by the calls that nobody has judged: `least` takes them for right in `a` and for wrong
    in `b`, `most` the other way round. A question that both arms raise has one answer, and so makes no difference.
    Both are about *these tools*; `beyond` is `least` for *tools like these*. `least_by_tool` and `most_by_tool` have
    the cases behind them, `p_value` is that of no gain in `least`, and `won` and `lost` count the cases that `b`, or
    `a`, has right more often for sure.
    """

    a: str
    b: str
    least_by_tool: Mapping[str, PairedCases]
    most_by_tool: Mapping[str, PairedCases]
    least: Interval
    most: Interval
    p_value: float
    won: int
    lost: int
    seed: int = 0

    @property
    def beyond(self) -> Estimate:
        return tools_interval([tool.gain for tool in self.least_by_tool.values()], DIFFERENCES, self.seed)

    def to_json(self) -> dict[str, Json]:
        estimates = {"least": self.least, "most": self.most, "beyond": self.beyond}
        found: dict[str, Json] = {name: estimate_json(estimate) for name, estimate in estimates.items()}
        return {"a": self.a, "b": self.b, **found, "p_value": self.p_value, "won": self.won, "lost": self.lost}


def difference(a: ScoreSheet, b: ScoreSheet, *, seed: int = 0) -> Difference:
    """The paired difference of `correct`. Raises `WorkflowError` unless both arms have the same cases."""
    pairs = {tool: _pair_replies(tool, a.by_tool, b.by_tool) for tool in {**a.by_tool, **b.by_tool}}
    bounds = {tool: [_gain(*pair) for pair in own] for tool, own in pairs.items() if own}
    if not bounds:
        raise WorkflowError(f"{a.source} and {b.source}: there is no case to compare them on")
    replies = max(len(first) for own in pairs.values() for first, _ in own)
    lower, upper = (
        {tool: add_gains([gain[end] for gain in own], replies) for tool, own in bounds.items()} for end in (0, 1)
    )
    return Difference(
        a.source,
        b.source,
        lower,
        upper,
        gain_over_tools(lower),
        gain_over_tools(upper),
        p_value_over_tools(lower),
        won=sum(least > 0 for own in bounds.values() for least, _ in own),
        lost=sum(most < 0 for own in bounds.values() for _, most in own),
        seed=seed,
    )


def restraint_gain(a: ScoreSheet, b: ScoreSheet) -> Interval | None:
    """The interval of the gain where no call is right, as given by `difference`; None if there are no such cases."""
    if not a.restraint:
        return None
    return difference(ScoreSheet(a.restraint, source=a.source), ScoreSheet(b.restraint, source=b.source)).least


def gain_over_tools(tools: Mapping[str, PairedCases]) -> Interval:
    """The interval of the mean gain over tools, each counted equally."""
    won, lost, cases, squares, replies = _columns(tools)
    return gain_interval(won, lost, cases, squares=squares, replies=replies)


def p_value_over_tools(tools: Mapping[str, PairedCases]) -> float:
    """The two-sided p-value of no mean gain over tools."""
    won, lost, cases, squares, replies = _columns(tools)
    return gain_p_value(won, lost, cases, squares=squares, replies=replies)


def _columns(
    tools: Mapping[str, PairedCases],
) -> tuple[list[float], list[float], list[int], list[float], int]:
    own = tools.values()
    squares = [tool.won + tool.lost if tool.squares is None else tool.squares for tool in own]
    replies = max(tool.replies for tool in own)
    return [tool.won for tool in own], [tool.lost for tool in own], [tool.cases for tool in own], squares, replies


def add_gains(gains: Sequence[float], replies: int) -> PairedCases:
    """The cases of a tool by the gain of each, which had so many replies."""
    won, lost = math.fsum(max(gain, 0.0) for gain in gains), math.fsum(max(-gain, 0.0) for gain in gains)
    return PairedCases(won, lost, len(gains), math.fsum(gain * gain for gain in gains), replies)


_Replies: TypeAlias = list[ArmReply]


def _pair_replies(
    tool: str, a: Mapping[str, tuple[ArmReply, ...]], b: Mapping[str, tuple[ArmReply, ...]]
) -> list[tuple[_Replies, _Replies]]:
    """The replies of both arms to each case."""
    first, second = _group(a.get(tool, ())), _group(b.get(tool, ()))
    counts = [{query: len(own) for query, own in side.items()} for side in (first, second)]
    if counts[0] != counts[1]:
        alone = sorted(query for query in {**first, **second} if counts[0].get(query) != counts[1].get(query))
        raise WorkflowError(
            f"{tool}: {count_noun(len(alone), 'request')} found in only one of the two files, such as {alone[0]!r}; "
            "a paired difference needs the same cases (score both against one test with --gold)"
        )
    return [(own, second[query]) for query, own in first.items()]


def _group(replies: Iterable[ArmReply]) -> dict[str, _Replies]:
    by_query: dict[str, _Replies] = {}
    for reply in replies:
        by_query.setdefault(reply.query, []).append(reply)
    return by_query


def _gain(a: Sequence[ArmReply], b: Sequence[ArmReply]) -> tuple[float, float]:
    """The least and the most that arm `b` can gain on one case: a question has one answer, whichever arm raises it."""
    certain = _count_right(b) - _count_right(a)
    open_questions = Counter(reply.question.key for reply in b if reply.question)
    open_questions.subtract(reply.question.key for reply in a if reply.question)
    least = certain + sum(min(count, 0) for count in open_questions.values())
    most = certain + sum(max(count, 0) for count in open_questions.values())
    return least / len(a), most / len(a)


def _count_right(replies: Iterable[ArmReply]) -> int:
    return sum(reply.is_correct is True for reply in replies)
