"""Judge: a model says whether a trial is worth learning from."""

from __future__ import annotations

from typing import Any

from ste_graph.contracts import Context, Model
from ste_graph.distil.gates import PASSED, CheckResult, reject
from ste_graph.distil.votes import SCHEMA, explain_votes, is_against, is_for, parse_vote
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompts.prompt import Prompt


class Judge(Node):
    """Ask the model the paper's three questions: is the answer informative, is it faithful, was the call appropriate?

    Each run of the node is one vote; with `inputs: {votes: NODE.votes}` and `lives:` the loop around the voting, votes
    add up. A reply without a verdict in it is a vote for nothing.

    Differs: the paper's code asks once and takes any "No." in the reply, even inside an explanation, for a refusal.
    """

    model: Model
    prompt: Prompt

    class Inputs(NodeInputs):
        """The votes so far; the prompt names the rest."""

        votes: list[dict[str, Any]] | None

    class Outputs(CheckResult, NodeOutputs):
        """`yes` and `no` count the votes; `passed`: more of them are in favour than not."""

        votes: list[dict[str, Any]]
        yes: int
        no: int

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await ctx.ask(self.model, self.prompt, schema=SCHEMA)
        votes = [*(inputs.votes or []), dict(parse_vote(reply))]
        yes, no = sum(map(is_for, votes)), sum(map(is_against, votes))
        result = PASSED if 2 * yes > len(votes) else reject("judge", explain_votes(votes))
        return self.Outputs(votes=votes, yes=yes, no=no, **result.model_dump())
