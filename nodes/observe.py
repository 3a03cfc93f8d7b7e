"""Observe: make the call; its result is what the model sees next."""

from __future__ import annotations

from typing import Any, ClassVar

from ste_graph.contracts import Context, Observation
from ste_graph.contracts.failure import CALL_AT_FAULT
from ste_graph.node import Node, NodeInputs, NodeOutputs

NOTHING = "There was nothing to call: the last reply asked for no tool."
WITHHELD = "The call was taken; what came of it is not shown."
FORMAT = frozenset({"malformed", "invalid_arguments", "unknown_tool"})
"""Kinds that concern the form of the call and not the tool."""


class Observe(Node):
    """Make the call and return its result, errors too (STE, section 3: execution feedback).

    A reply that could not be read, or that asks for no tool, is answered without a call, by an observation of kind
    `malformed`.
    """

    tool_calls: ClassVar[int] = 1

    class Inputs(NodeInputs):
        """The call that the last reply asked for, or why the reply could not be read."""

        action: str | None
        arguments: dict[str, Any] | None
        problem: str | None

    class Outputs(NodeOutputs):
        """`text` is what the model sees, `observation` the complete result.

        `failed` is whether the call failed, as far as the model may know it; None where that is withheld. `at_fault` is
        whether it failed by its own fault, so that the same call would fail again.
        """

        text: str
        failed: bool | None
        at_fault: bool
        observation: Observation

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        if inputs.action is None:
            observation = Observation(ok=False, kind="malformed", text=inputs.problem or NOTHING)
        else:
            observation = await ctx.call_tool(inputs.action, inputs.arguments or {})
        text, failed = self.render(observation), not observation.ok
        return self.Outputs(
            text=text,
            failed=failed if text == observation.text else None,
            at_fault=failed and inputs.action is not None and observation.kind in CALL_AT_FAULT,
            observation=observation,
        )

    def render(self, observation: Observation) -> str:
        """The text of an observation that the model sees."""
        return observation.text


class ObserveWithheld(Observe):
    """The same call, but the model learns only that it was made (the paper's ablation without execution feedback).

    Differs: problems of form are still answered; otherwise a model could not tell a call that was made from one that
    was not.
    """

    def render(self, observation: Observation) -> str:
        return observation.text if observation.kind in FORMAT else WITHHELD
