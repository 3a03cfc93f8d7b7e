"""What the labels of a test say of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ste_graph.contracts import Json
from ste_graph.scoring.comparison import Rules
from ste_graph.scoring.judging import Question, Verdicts
from ste_graph.scoring.label import Label, label
from ste_graph.scoring.parser import Parser
from ste_graph.scoring.predictions import Predictions
from ste_graph.scoring.share import Measure, Share, api_match, correct, wellformed
from ste_graph.stats import Estimate, Interval, bootstrap_t, student_t

SHARES: tuple[float, float] = (0, 1)


@dataclass(frozen=True, slots=True)
class Score:
    """The labels of all replies, by tool, and every figure that follows from them."""

    by_tool: Mapping[str, tuple[Label, ...]]
    parser: Parser | None = None
    source: str = ""
    gold: str = ""
    problems: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        predictions: Predictions,
        parser: Parser = Parser.tolerant,
        *,
        closest: bool = False,
        rules: Rules | None = None,
        verdicts: Verdicts | None = None,
    ) -> Score:
        """The score of a file of predictions."""
        tools = predictions.tools
        labels = {
            tool: tuple(
                label(one, tools, parser=parser, closest=closest, rules=rules, verdicts=verdicts) for one in own
            )
            for tool, own in predictions.by_tool.items()
        }
        return cls(labels, parser, predictions.source, predictions.gold, predictions.problems)

    @property
    def labels(self) -> tuple[Label, ...]:
        return tuple(one for own in self.by_tool.values() for one in own)

    def only(self, tools: Iterable[str]) -> Score:
        """The score over some of the tools, such as a batch of continual learning."""
        chosen = set(tools)
        kept = {tool: own for tool, own in self.by_tool.items() if tool in chosen}
        return Score(kept, self.parser, self.source, self.gold, self.problems)

    @property
    def wellformed(self) -> Share:
        """Replies with a call that can be read, of all."""
        return wellformed(self.labels)

    @property
    def api_match(self) -> Share:
        """Calls to the right tool, of those that can be read."""
        return api_match(self.labels)

    @property
    def correct(self) -> Share:
        """Right calls with right arguments, of all."""
        return correct(self.labels)

    @property
    def strict(self) -> Share:
        """Right calls without an argument that the gold call does not have, of all."""
        return correct(self.labels, strict=True)

    @property
    def with_arguments(self) -> Share:
        """`correct` on the cases whose gold call has arguments: the others test the choice of the tool alone."""
        return correct(one for one in self.labels if one.case.arguments)

    @property
    def without_arguments(self) -> Share:
        return correct(one for one in self.labels if not one.case.arguments)

    @property
    def argument_accuracy(self) -> Share:
        """Right arguments, of the calls to the right tool in cases whose gold call has arguments."""
        return correct(one for one in self.labels if one.case.arguments and one.api_match)

    @property
    def questions(self) -> list[Question]:
        """What a judge has to be asked."""
        return [one.question for one in self.labels if one.question]

    @property
    def judge(self) -> int:
        """Calls that a verdict decided."""
        return sum(one.by == "judge" for one in self.labels)

    @property
    def extra(self) -> Counter[str]:
        """Arguments beyond the gold ones in calls to the right tool: how often each, as `TOOL.argument`."""
        return Counter(f"{one.case.tool}.{name}" for one in self.labels for name in one.extra)

    @property
    def repairs(self) -> Counter[str]:
        """What was mended to read the calls: how often each."""
        return Counter(repair for one in self.labels for repair in one.repairs)

    @property
    def repaired(self) -> int:
        """Calls in which anything was mended."""
        return sum(bool(one.repairs) for one in self.labels)

    @property
    def confusion(self) -> Counter[tuple[str, str]]:
        """How often another tool was called than the gold one: (gold, called)."""
        return Counter((one.case.tool, one.called) for one in self.labels if one.called and not one.api_match)

    def intervals(self, measure: Measure, *, upper: bool = False, seed: int = 0) -> tuple[Estimate, Estimate]:
        """The mean of a measure over the tools with its 95 % interval, by bootstrap-t and by Student's t.

        A tool in which there is nothing to measure does not count (no case; for `api_match` no readable call).
        """
        values = self.values(measure, upper=upper)
        return bootstrap_t(values, seed, limits=SHARES), student_t(values, limits=SHARES)

    def values(self, measure: Measure, *, upper: bool = False) -> list[float]:
        """The measure of each tool in which there is something to measure."""
        shares = (measure(own) for own in self.by_tool.values())
        return [value for share in shares if (value := share.high if upper else share.low) is not None]

    def items(self) -> dict[str, list[dict[str, bool | None]]]:
        """The four labels of every reply, by tool, in the order of the file."""
        return {tool: [one.to_json() for one in own] for tool, own in self.by_tool.items()}

    def to_json(self, seed: int = 0) -> dict[str, Json]:
        """Everything, for other programs."""
        labels = self.labels
        return {
            "predictions": self.source,
            "gold": self.gold,
            "parser": self.parser.value if self.parser else None,
            "cases": len(labels),
            "no_call": sum(one.no_call for one in labels),
            "malformed": sum(one.err for one in labels),
            "undecided": len(self.questions),
            "judged": self.judge,
            "wellformed": self._measured(wellformed, seed),
            "api_match": self._measured(api_match, seed),
            "correct": self._measured(correct, seed),
            "correct_without_extra_arguments": self.strict.to_json(),
            "correct_with_arguments": self.with_arguments.to_json(),
            "correct_without_arguments": self.without_arguments.to_json(),
            "argument_accuracy": self.argument_accuracy.to_json(),
            "extra_arguments": {
                "calls": sum(bool(one.extra) for one in labels),
                "arguments": dict(self.extra.most_common()),
            },
            "repaired": {"calls": self.repaired, "repairs": dict(self.repairs.most_common())},
            "confusion": [
                {"gold": gold, "called": called, "count": count}
                for (gold, called), count in self.confusion.most_common()
            ],
            "tools": {tool: _tool(own) for tool, own in self.by_tool.items()},
            "problems": list(self.problems),
        }

    def _measured(self, measure: Measure, seed: int) -> dict[str, Json]:
        share = measure(self.labels)
        found = {**share.to_json(), **_both(self.intervals(measure, seed=seed))}
        if share.lower != share.upper:
            found["upper_over_tools"] = _both(self.intervals(measure, upper=True, seed=seed))
        return found


def estimate_json(estimate: Estimate) -> dict[str, Json]:
    """A mean with its interval, or with the reason why there is none."""
    if isinstance(estimate, Interval):
        found: dict[str, Json] = {"mean": estimate.mean, "low": estimate.low, "high": estimate.high}
        found |= {"tools": estimate.n, "method": estimate.method}
        return found | ({"note": estimate.note} if estimate.note else {})
    return {"mean": estimate.mean, "tools": estimate.n, "reason": estimate.reason}


def _both(estimates: tuple[Estimate, Estimate]) -> dict[str, Json]:
    return {"over_tools": estimate_json(estimates[0]), "student": estimate_json(estimates[1])}


def _tool(labels: tuple[Label, ...]) -> dict[str, Json]:
    return {
        "cases": len(labels),
        "wellformed": wellformed(labels).low,
        "api_match": api_match(labels).low,
        "correct": correct(labels).to_json(),
        "extra_arguments": sum(bool(one.extra) for one in labels),
        "repaired": sum(bool(one.repairs) for one in labels),
        "undecided": sum(one.question is not None for one in labels),
    }
