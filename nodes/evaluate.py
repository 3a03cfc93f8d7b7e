"""Evaluate: compares the arms of a test, and decides."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ste_graph.contracts import Context, Entry, RecordView
from ste_graph.models.prices import Prices
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.protocols.form import Parser
from ste_graph.scoring.arms import ReplyList
from ste_graph.scoring.candidate import HARM
from ste_graph.scoring.evaluation import EvaluationFields, JudgeUsage, compare_arms
from ste_graph.scoring.rules import LabelRules


class Evaluate(Node):
    """Compare the arms on the same cases, and decide: adopt or keep. Replies labelled by other rules are labelled anew.

    The node is in the graph twice if a judge is asked: before, for its `questions`, and after, with the verdicts.
    """

    parser: Parser = Parser.tolerant
    """The parser of the replies: the released code's, or the tolerant one."""
    exact_names: bool = True
    """False if a name that no tool has counts as the one that is spelt most like it."""
    judged: tuple[str, ...] | Literal["all"] | None = None
    """The tools whose arguments only a judge can compare if they are not equal; unset: the paper's 19."""
    verdicts: RecordView
    """The verdicts of the judge in this run."""
    harm: Annotated[float, Field(ge=0, le=100)] = HARM
    """Points: a tool that loses more for sure keeps what was there, whatever the others gain."""
    seed: int = 0
    """The seed of the intervals for tools like these."""

    class Inputs(NodeInputs):
        """The replies of all arms; `known` are verdicts of earlier runs, `prices` those of tokens, see `Prices`."""

        replies: ReplyList
        known: list[dict[str, Any]] | None
        prices: Prices | None = None

    class Outputs(EvaluationFields, NodeOutputs):
        """`questions` are open, each once; the rest is what an `evaluation` records."""

        questions: list[dict[str, Any]]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        answers = await self.verdicts.entries()
        verdicts = {known["key"]: known["right"] for known in inputs.known or ()}
        verdicts |= {
            answer.record["key"]: answer.record["right"] for answer in answers if answer.record["right"] is not None
        }
        rules = LabelRules(parser=self.parser, exact_names=self.exact_names, judged=self.judged)
        usage = _judge_usage(answers)
        comparison = compare_arms(
            inputs.replies, rules, verdicts, usage=usage, seed=self.seed, harm=self.harm, prices=inputs.prices
        )
        questions = [question.to_json() for question in comparison.questions]
        return self.Outputs(questions=questions, **dict(comparison.fields()))


def _judge_usage(answers: list[Entry]) -> JudgeUsage:
    given = [answer.record for answer in answers if answer.record["judge"] is not None]
    judges = tuple(dict.fromkeys(str(record["judge"]) for record in given))
    return JudgeUsage(judges, len(given), sum(record["right"] is None for record in given))
