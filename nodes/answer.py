"""Answer: a model's single reply to a request."""

from __future__ import annotations

from ste_graph.contracts import Context, Model
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols import react


class Answer(Node):
    """Ask the model once, and keep its reply as it is (STE, section 4: only the call is scored, nothing is executed).

    The reply ends where the model would go on with an observation of its own. What it says is for `score` to find out;
    a model that keeps silent has replied, though with nothing.
    """

    model: Model
    prompt: Prompt

    class Inputs(NodeInputs):
        """The values that the prompt names."""

    class Outputs(NodeOutputs):
        """The text of the reply; None if the model gave no reply."""

        output: str | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await ctx.ask(self.model, self.prompt, stop=react.STOP)
        return self.Outputs(output=reply.text if reply.text.strip() else None)
