"""Answer: a model's one reply to a request."""

from __future__ import annotations

from ste_graph.contracts import Model
from ste_graph.errors import NoReply
from ste_graph.node import Node, Output, Reads
from ste_graph.prompt import Prompt
from ste_graph.protocols import react


class Answer(Node):
    """Ask the model once, and keep its reply as it is (STE, section 4: only the call is scored, nothing is executed).

    The reply ends where the model would go on with an observation of its own. What it says is for `score` to find out;
    a model that keeps silent has replied, though with nothing.
    """

    model: Model
    prompt: Prompt

    class See(Reads):
        """What the prompt names."""

    class Gives(Output):
        """The text of the reply; None where there was none."""

        output: str | None

    async def __call__(self, see: See) -> Gives:
        try:
            return self.Gives(output=(await see.ask(self.model, self.prompt, stop=react.STOP)).text)
        except NoReply:
            return self.Gives(output=None)
