"""Devise: the model makes up the arguments of a call, before anybody has asked for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ste_graph.contracts import Context, Json, Model, RecordView
from ste_graph.json_values import equal
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols.call_schema import call_schema
from ste_graph.protocols.next_step import Action
from ste_graph.protocols.reader import read
from ste_graph.records import is_current
from ste_graph.tools.arguments import ArgumentChecker


class Devise(Node):
    """Ask the model for the arguments of a new call, under the tool's JSON Schema; nothing is called.

    A request for them is written afterwards, see `imagine`, and the call is made by reading that request. What the
    schema refuses, or a trial in memory has called before, is a `fault`, for the prompt that asks again.

    Differs: in the paper the request comes first. A small model writes requests without the values that a call needs.
    """

    model: Model
    prompt: Prompt
    memory: RecordView

    class Inputs(NodeInputs):
        """The tool that is explored."""

        tool: dict[str, Any]

    class Outputs(NodeOutputs):
        """`drawn`: the arguments, empty where none could be read. `fault` is None if they are worth a request."""

        drawn: dict[str, Any]
        fault: str | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        name, parameters = str(inputs.tool["name"]), inputs.tool["parameters"]
        tools = {name: parameters}
        reply = await ctx.ask(self.model, self.prompt, schema=call_schema(tools, answer=False))
        step = read(reply, tools, "json", prompt=self.prompt.text)
        if not isinstance(step, Action):
            return self.Outputs(drawn={}, fault=_UNREADABLE)
        checked = await ArgumentChecker(name, parameters).check_aside(step.arguments)
        if checked.problem is not None:
            return self.Outputs(drawn=step.arguments, fault=checked.problem)
        trials = [entry.record for entry in await self.memory.entries() if is_current(entry.record, inputs.tool)]
        used = parameters.get("properties") and any(equal(made, checked.arguments) for made in _calls(trials))
        return self.Outputs(drawn=checked.arguments, fault=_USED if used else None)


def _calls(trials: Sequence[Mapping[str, Json]]) -> Iterator[Json]:
    """The arguments of all calls of the trials; a tool without parameters has only one call."""
    return (step["arguments"] for trial in trials for step in trial["steps"] if step["action"] is not None)


_UNREADABLE = "The reply was not a JSON object with `action`, the tool's name, and `arguments`, an object."
_USED = "A call with just these arguments was made before; choose other values."
