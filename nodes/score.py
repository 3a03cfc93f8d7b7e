"""Score: is a reply the call that was asked for?"""

from __future__ import annotations

from typing import Any

from ste_graph.contracts import Context
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.scoring.case import Case
from ste_graph.scoring.comparison import Rules
from ste_graph.scoring.parser import Parser
from ste_graph.scoring.replied import labels_of, scored


class Score(Node):
    """Compare a reply with the gold call by rule, as the paper defines its labels.

    Arguments are right if they equal the gold ones; else by their texts, but for the tools in `judged`, where only a
    judge can tell: unset, these are the paper's nineteen. Extra arguments are no fault here, they are counted later.

    Differs: a reply is read tolerantly, so that a trailing comma is no fault; `parser: paper` reads as the paper did.
    """

    parser: Parser = Parser.tolerant
    judged: tuple[str, ...] | None = None

    class Inputs(NodeInputs):
        """A reply, the case that it is about, and the names of the tools that were offered."""

        output: str | None
        case: dict[str, Any]
        names: list[str]

    class Outputs(NodeOutputs):
        """What a `reply` keeps of it, see `ste_graph.scoring.replied.Replied`."""

        label: dict[str, Any]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        gold = inputs.case["gold"]
        case = Case(gold["tool"], inputs.case["query"], gold["arguments"])
        rules = None if self.judged is None else Rules(frozenset(self.judged))
        return self.Outputs(label=labels_of(scored(case, inputs.output, inputs.names, parser=self.parser, rules=rules)))
