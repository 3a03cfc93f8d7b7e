"""The score of a test: its labelled replies, and every figure that follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ste_graph.contracts import Json
from ste_graph.protocols.form import Parser
from ste_graph.scoring.predictions import Predictions
from ste_graph.scoring.proportion import Measure, Proportion, api_match, consistency, correctness, wellformedness
from ste_graph.scoring.reply import ArmReply
from ste_graph.scoring.rules import LabelRules
from ste_graph.scoring.verdict import Question
from ste_graph.stats import TOO_FEW, Estimate, Interval, NoInterval, proportion_interval, tools_interval

FRACTIONS: tuple[float, float] = (0, 1)

NOTHING = f"{TOO_FEW}: there is nothing to measure"


@dataclass(frozen=True, slots=True)
class ScoreSheet:
    """The labelled replies of a test by tool, and the figures."""

    by_tool: Mapping[str, tuple[ArmReply, ...]]
    parser: Parser | None = None
    source: str = ""
    gold: str = ""
    problems: tuple[str, ...] = ()
    restraint: Mapping[str, tuple[ArmReply, ...]] = field(default_factory=dict)
    """The replies to cases in which no call is right, by tool: they are no part of the other figures."""

    @property
    def replies(self) -> tuple[ArmReply, ...]:
        return tuple(reply for own in self.by_tool.values() for reply in own)

    @property
    def restraint_replies(self) -> tuple[ArmReply, ...]:
        return tuple(reply for own in self.restraint.values() for reply in own)

    @property
    def cases(self) -> int:
        """The number of cases, each with one reply or several."""
        return len({reply.key for reply in self.replies})

    @property
    def replies_per_case(self) -> int:
        """The most replies to a case."""
        return max(Counter(reply.key for reply in self.replies).values(), default=0)

    def select(self, tools: Iterable[str]) -> ScoreSheet:
        """The score over some of the tools, such as a batch of continual learning."""
        chosen = set(tools)
        by_tool = {tool: own for tool, own in self.by_tool.items() if tool in chosen}
        restraint = {tool: own for tool, own in self.restraint.items() if tool in chosen}
        return replace(self, by_tool=by_tool, restraint=restraint)

    @property
    def wellformedness(self) -> Proportion:
        """Replies with a call that can be read, of all."""
        return wellformedness(self.replies)

    @property
    def api_match(self) -> Proportion:
        """Calls to the right tool, of those that can be read."""
        return api_match(self.replies)

    @property
    def correctness(self) -> Proportion:
        """Right calls with right arguments, of all."""
        return correctness(self.replies)

    @property
    def strict_correctness(self) -> Proportion:
        """Right calls without an argument that the gold call does not have, of all."""
        return correctness(self.replies, strict=True)

    @property
    def correctness_with_arguments(self) -> Proportion:
        """`correctness` on the cases whose gold call has arguments: the others test the choice of the tool alone."""
        return correctness(reply for reply in self.replies if reply.gold.arguments)

    @property
    def correctness_without_arguments(self) -> Proportion:
        return correctness(reply for reply in self.replies if not reply.gold.arguments)

    @property
    def argument_accuracy(self) -> Proportion:
        """Right arguments, of the calls to the right tool in cases whose gold call has arguments."""
        return correctness(reply for reply in self.replies if reply.gold.arguments and reply.api_match)

    @property
    def questions(self) -> list[Question]:
        """The questions that a judge has to answer."""
        return [question for reply in self.replies if (question := reply.question)]

    @property
    def judged_count(self) -> int:
        """The number of calls that a verdict decided."""
        return sum(reply.judged for reply in self.replies)

    @property
    def extra_arguments(self) -> Counter[str]:
        """Arguments beyond the gold ones in calls to the right tool: the count of each, as `TOOL.argument`."""
        return Counter(f"{reply.gold.tool}.{name}" for reply in self.replies for name in reply.extra_arguments)

    @property
    def repairs(self) -> Counter[str]:
        """The repairs that it took to read the calls: the count of each."""
        return Counter(repair for reply in self.replies for repair in reply.repairs)

    @property
    def repaired_count(self) -> int:
        """The number of calls with a repair."""
        return sum(bool(reply.repairs) for reply in self.replies)

    @property
    def confusion(self) -> Counter[tuple[str, str]]:
        """The count of calls to another tool than the gold one: (gold, called)."""
        wrong = (reply for reply in self.replies if reply.called and not reply.api_match)
        return Counter((reply.gold.tool, str(reply.called)) for reply in wrong)

    def intervals(self, measure: Measure, *, upper: bool = False, seed: int = 0) -> tuple[Estimate, Estimate]:
        """The mean of a measure over the tools with its 95 % interval for these tools, and for tools like these.

        A tool in which there is nothing to measure does not count (no case; for `api_match` no readable call).
        """
        return measure_over_tools(self.by_tool, measure, upper=upper, seed=seed)

    def items(self) -> dict[str, list[dict[str, bool | None]]]:
        """The four labels of every reply, by tool, in the order of the file."""
        return {tool: [reply.four_labels() for reply in own] for tool, own in self.by_tool.items()}

    def to_json(self, seed: int = 0) -> dict[str, Json]:
        """Everything, for other programs."""
        replies = self.replies
        return {
            "predictions": self.source,
            "gold": self.gold,
            "parser": self.parser.value if self.parser else None,
            "cases": self.cases,
            "replies": len(replies),
            "no_call": sum(reply.no_call for reply in replies),
            "malformed": sum(reply.err for reply in replies),
            "undecided": len(self.questions),
            "judged": self.judged_count,
            "wellformed": self._measured_json(wellformedness, seed),
            "api_match": self._measured_json(api_match, seed),
            "correct": self._measured_json(correctness, seed),
            "always_correct": {**self._measured_json(consistency, seed), "k": self.replies_per_case},
            "restraint": self._restraint_json(seed),
            "correct_without_extra_arguments": self.strict_correctness.to_json(),
            "correct_with_arguments": self.correctness_with_arguments.to_json(),
            "correct_without_arguments": self.correctness_without_arguments.to_json(),
            "argument_accuracy": self.argument_accuracy.to_json(),
            "extra_arguments": {
                "calls": sum(bool(reply.extra_arguments) for reply in replies),
                "arguments": dict(self.extra_arguments.most_common()),
            },
            "repaired": {"calls": self.repaired_count, "repairs": dict(self.repairs.most_common())},
            "confusion": [
                {"gold": gold, "called": called, "count": count}
                for (gold, called), count in self.confusion.most_common()
            ],
            "tools": {tool: _tool_json(own) for tool, own in self.by_tool.items()},
            "problems": list(self.problems),
        }

    def _restraint_json(self, seed: int) -> dict[str, Json] | None:
        """The figures of the cases in which no call is right, by what is right in them; None without such a case."""
        if not (replies := self.restraint_replies):
            return None
        kinds = {kind: [reply for reply in replies if reply.kind == kind] for kind in ("ask", "none")}
        return {
            **correctness(replies).to_json(),
            **_both_json(measure_over_tools(self.restraint, correctness, seed=seed)),
            "cases": len({reply.key for reply in replies}),
            "kinds": {kind: correctness(own).to_json() for kind, own in kinds.items() if own},
        }

    def _measured_json(self, measure: Measure, seed: int) -> dict[str, Json]:
        proportion = measure(self.replies)
        found = {**proportion.to_json(), **_both_json(self.intervals(measure, seed=seed))}
        if proportion.lower != proportion.upper:
            found["upper_over_tools"] = _both_json(self.intervals(measure, upper=True, seed=seed))
        return found


def measure_over_tools(
    by_tool: Mapping[str, tuple[ArmReply, ...]], measure: Measure, *, upper: bool = False, seed: int = 0
) -> tuple[Estimate, Estimate]:
    """The mean of a measure over tools with both intervals. Cases are the sample, however many replies each has."""
    counted, cases, values = [], [], []
    for own in by_tool.values():
        part = measure(own)
        if part.of:
            values.append((part.upper if upper else part.lower) / part.of)
            cases.append(min(part.of, len({reply.key for reply in own})))
            counted.append(values[-1] * cases[-1])
    interval = proportion_interval(counted, cases) if cases else NoInterval(None, 0, "these tools", NOTHING)
    return interval, _interval_over_tools(tuple(values), seed)


@lru_cache(maxsize=256)  # tables, figures and decisions ask for the same one, which takes thousands of draws
def _interval_over_tools(values: tuple[float, ...], seed: int) -> Estimate:
    return tools_interval(values, FRACTIONS, seed)


def score_predictions(
    predictions: Predictions, rules: LabelRules | None = None, verdicts: Mapping[str, bool] | None = None
) -> ScoreSheet:
    """The score of a file of predictions; `verdicts` are by the question's key."""
    rules, names = rules or LabelRules(), predictions.tools
    by_tool = {
        tool: tuple(reply.label_by(rules, names).decide_by(verdicts or {}) for reply in own)
        for tool, own in predictions.by_tool.items()
    }
    return ScoreSheet(by_tool, rules.parser, predictions.source, predictions.gold, predictions.problems)


def estimate_json(estimate: Estimate) -> dict[str, Json]:
    """A mean, its interval or the reason for its absence, and the size of the sample in cases or tools."""
    size = {"cases" if estimate.scope == "these tools" else "tools": estimate.n}
    if isinstance(estimate, Interval):
        return {"mean": estimate.mean, "low": estimate.low, "high": estimate.high, **size, "level": estimate.level}
    return {"mean": estimate.mean, **size, "reason": estimate.reason}


def _both_json(estimates: tuple[Estimate, Estimate]) -> dict[str, Json]:
    return {"these_tools": estimate_json(estimates[0]), "tools_like_these": estimate_json(estimates[1])}


def _tool_json(replies: tuple[ArmReply, ...]) -> dict[str, Json]:
    return {
        "cases": len({reply.key for reply in replies}),
        "wellformed": wellformedness(replies).low,
        "api_match": api_match(replies).low,
        "correct": correctness(replies).to_json(),
        "extra_arguments": sum(bool(reply.extra_arguments) for reply in replies),
        "repaired": sum(bool(reply.repairs) for reply in replies),
        "undecided": sum(reply.question is not None for reply in replies),
    }
