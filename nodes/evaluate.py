"""Evaluate: what the arms of a test have come to, and what that decides."""

from __future__ import annotations

from typing import Any, Literal

from ste_graph.contracts import Context, Entry, RecordView
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.scoring.evaluation import Asked, Evaluated, Reader
from ste_graph.scoring.judging import Verdicts
from ste_graph.scoring.parser import Parser


class Evaluate(Node):
    """Label every reply anew, compare the arms on the same cases, and decide: adopt or keep.

    It stands in the graph twice where a judge is asked: before, for its `questions`, and after, with the verdicts.
    """

    parser: Parser = Parser.tolerant
    """Who reads the replies: the released code's parser, or the tolerant one."""
    exact_names: bool = True
    """Whether a name that no tool has is wrong; else it stands for the one that is spelt most like it."""
    judged: tuple[str, ...] | Literal["all"] | None = None
    """The tools whose arguments only a judge can compare where they are not equal; unset: the paper's 19."""
    verdicts: RecordView
    """What the judge has said in this run."""
    seed: int = 0
    """Of the intervals' resampling."""

    class Inputs(NodeInputs):
        """The replies of all arms, see `ste_graph.scoring.arms.Attempt`; `known` are verdicts of earlier runs."""

        replies: list[dict[str, Any]]
        known: list[dict[str, Any]] | None

    class Outputs(NodeOutputs):
        """`questions` are open, each once; the rest is what `ste_graph.scoring.evaluation.Evaluation` records."""

        questions: list[dict[str, Any]]
        decision: str
        reason: str
        baseline: str
        candidate: str | None
        adopted: dict[str, Any] | None
        interval: dict[str, Any] | None
        arms: dict[str, Any]
        gains: dict[str, Any]
        simulated: bool
        table: str

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        said = await self.verdicts.entries()
        known = {one["key"]: one["right"] for one in inputs.known or ()}
        known |= {one.record["key"]: one.record["right"] for one in said if one.record["right"] is not None}
        reader = Reader(parser=self.parser, exact_names=self.exact_names, judged=self.judged)
        found = Evaluated.of(inputs.replies, reader, Verdicts(known=known), asked=_asked(said), seed=self.seed)
        return self.Outputs(questions=[one.to_json() for one in found.questions], **found.to_json())


def _asked(said: list[Entry]) -> Asked:
    answers = [one.record for one in said if one.record["judge"] is not None]
    judges = tuple(dict.fromkeys(str(one["judge"]) for one in answers))
    return Asked(judges, len(answers), sum(one["right"] is None for one in answers))
