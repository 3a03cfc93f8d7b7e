"""The gain of one arm over another on the same cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.scoring.reply import ArmReply
from ste_graph.scoring.score_sheet import ScoreSheet, estimate_json
from ste_graph.stats import Estimate, Interval, gain_interval, gain_p_value, tools_interval

DIFFERENCES: tuple[float, float] = (-1, 1)


@dataclass(frozen=True, slots=True)
class PairedCases:
    """The cases of a tool that both arms replied to: how many only the second, or only the first, has right."""

    won: int
    lost: int
    cases: int

    @property
    def gain(self) -> float:
        return (self.won - self.lost) / self.cases

    @property
    def interval(self) -> Interval:
        """The interval of the gain on this tool alone."""
        return gain_interval([self.won], [self.lost], [self.cases])


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean over tools of the proportion correct in arm `b` minus that in arm `a`, each with its interval.

    `least` and `most` differ by the calls that nobody has judged: `least` takes them for right in `a` and for wrong
    in `b`, `most` the other way round. A question that both arms raise has one answer, and so makes no difference.
    Both are about *these tools*; `beyond` is `least` for *tools like these*. `least_by_tool` and `most_by_tool` have
    the cases behind them, `p_value` is that of no gain in `least`, and `won` and `lost` count the cases that only `b`,
    or only `a`, has right for sure.
    """

    a: str
    b: str
    least_by_tool: Mapping[str, PairedCases]
    most_by_tool: Mapping[str, PairedCases]
    least: Interval
    most: Interval
    beyond: Estimate
    p_value: float
    won: int
    lost: int

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
    lower, upper = ({tool: _count(gain[end] for gain in own) for tool, own in bounds.items()} for end in (0, 1))
    return Difference(
        a.source,
        b.source,
        lower,
        upper,
        gain_over_tools(lower),
        gain_over_tools(upper),
        tools_interval([tool.gain for tool in lower.values()], DIFFERENCES, seed),
        p_value_over_tools(lower),
        won=sum(tool.won for tool in lower.values()),
        lost=sum(tool.lost for tool in upper.values()),
    )


def gain_over_tools(tools: Mapping[str, PairedCases]) -> Interval:
    """The interval of the mean gain over tools, each counted equally."""
    return gain_interval(*_columns(tools))


def p_value_over_tools(tools: Mapping[str, PairedCases]) -> float:
    """The two-sided p-value of no mean gain over tools."""
    return gain_p_value(*_columns(tools))


def _columns(tools: Mapping[str, PairedCases]) -> tuple[list[int], list[int], list[int]]:
    own = tools.values()
    return [tool.won for tool in own], [tool.lost for tool in own], [tool.cases for tool in own]


def _count(gains: Iterable[int]) -> PairedCases:
    found = list(gains)
    return PairedCases(found.count(1), found.count(-1), len(found))


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
