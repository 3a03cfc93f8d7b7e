"""Observe: the call is made, and what comes back is what the model sees next."""

from __future__ import annotations

from typing import Any, ClassVar

from ste_graph.contracts import Context, Observation
from ste_graph.node import Node, NodeInputs, NodeOutputs

NOTHING = "There was nothing to call: the last reply asked for no tool."
WITHHELD = "The call was taken; what came of it is not shown."
FORMAT = frozenset({"malformed", "invalid_arguments", "unknown_tool"})
"""Kinds that speak of the call's form and not of the tool."""


class Observe(Node):
    """Make the call and give what came back, errors too (STE, section 3: execution feedback).

    A reply that could not be read, or that asks for no tool, is answered without a call, by an observation of kind
    `malformed`.
    """

    tool_calls: ClassVar[int] = 1

    class Inputs(NodeInputs):
        """What the last reply asked for, or why it could not be read."""

        action: str | None
        arguments: dict[str, Any] | None
        problem: str | None

    class Outputs(NodeOutputs):
        """`text` is what the model sees, `observation` what came back, whole."""

        text: str
        observation: Observation

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        if inputs.action is None:
            observation = Observation(ok=False, kind="malformed", text=inputs.problem or NOTHING)
        else:
            observation = await ctx.call_tool(inputs.action, inputs.arguments or {})
        return self.Outputs(text=self.shown(observation), observation=observation)

    def shown(self, observation: Observation) -> str:
        """What the model sees of an observation."""
        return observation.text


class ObserveWithheld(Observe):
    """The same call, but the model learns only that it was made (the paper's ablation without execution feedback).

    Differs: problems of form are still answered, or a model could not tell a call that was made from one that was not.
    """

    def shown(self, observation: Observation) -> str:
        return observation.text if observation.kind in FORMAT else WITHHELD
