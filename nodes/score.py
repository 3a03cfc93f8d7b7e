"""Score: labels a reply as right or wrong."""

from __future__ import annotations

from ste_graph.contracts import Context
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.protocols.form import Form, Parser
from ste_graph.scoring.case import Case
from ste_graph.scoring.label import ReplyLabel, label_output
from ste_graph.scoring.rules import LabelRules


class Score(Node):
    """Compare a reply with the gold call by rule, as the paper defines its labels.

    Arguments are right if they equal the gold ones; else by their texts, except for the tools in `judged`, where only a
    judge can tell: unset, these are the paper's nineteen. Extra arguments are not faults here but are counted later.

    Differs: a reply is read tolerantly, so that it may have a trailing comma; `parser: paper` reads as the paper did.
    """

    parser: Parser = Parser.tolerant
    """The reading of replies: `tolerant`, or as the `paper` did."""
    judged: tuple[str, ...] | None = None
    """The tools whose arguments only a judge can compare; unset: the paper's."""

    class Inputs(NodeInputs):
        """A reply, its case, the names of the tools that were offered, and the form in which a call was asked for."""

        output: str | None
        case: Case
        names: list[str]
        form: Form | None = None

    class Outputs(NodeOutputs):
        """The label that a `reply` keeps, see `ste_graph.scoring.reply.CaseReply`."""

        label: ReplyLabel

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        gold = inputs.case.gold
        names = tuple(dict.fromkeys((*inputs.names, gold.tool)))
        rules = LabelRules(parser=self.parser, judged=self.judged)
        return self.Outputs(label=label_output(gold, inputs.output, names, rules, form=inputs.form or "react"))
