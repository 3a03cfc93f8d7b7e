"""Answer: a model's single reply to a request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from ste_graph.contracts import Context, Json, Model, Reply
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols import react
from ste_graph.protocols.call_schema import call_schema
from ste_graph.scoring.cost import ReplyCost, cost_of


class Answer(Node):
    """Ask the model once, and keep its reply as it is (STE, section 4: only the call is scored, nothing is executed).

    The reply ends where the model would go on with an observation of its own. What it says is for `score` to find out;
    a model that keeps silent has replied, though with nothing.

    `protocol` says how a call is asked for. `react`: as the prompt says. `native`: by the model's own tool calling; a
    call that the server reads is kept as text. `json`: by the schemas of the tools, so that where the server forces
    them the reply is a call of one of them.
    """

    model: Model
    prompt: Prompt
    protocol: Literal["react", "native", "json"] = "react"

    class Inputs(NodeInputs):
        """The tools on offer (`name`, `description`, `parameters`), where the protocol sends them beside the prompt."""

        tools: list[dict[str, Any]] | None = None

    class Outputs(NodeOutputs):
        """The text of the reply; None if the model gave no reply. `form` is the form that was asked for."""

        output: str | None
        form: str
        cost: ReplyCost

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await self._ask(inputs.tools or [], ctx)
        text = _text(reply)
        return self.Outputs(output=text if text.strip() else None, form=self.protocol, cost=cost_of(reply))

    async def _ask(self, tools: list[dict[str, Any]], ctx: Context) -> Reply:
        if self.protocol != "react" and not tools:
            raise ValueError(f"`protocol: {self.protocol}` needs tools: `inputs: {{tools: offer.tools}}`")
        match self.protocol:
            case "react":
                return await ctx.ask(self.model, self.prompt, stop=react.STOP)
            case "native":
                return await ctx.ask(self.model, self.prompt, tools=tools)
            case "json":
                schemas: Mapping[str, Json] = {tool["name"]: tool["parameters"] for tool in tools}
                return await ctx.ask(self.model, self.prompt, schema=call_schema(schemas, answer=False))


def _text(reply: Reply) -> str:
    """The reply as text; a call that the server has read becomes JSON again."""
    calls = [{"action": call.name, "arguments": _arguments(call.arguments)} for call in reply.tool_calls]
    return "\n".join(filter(None, [reply.text, *(json.dumps(call, ensure_ascii=False) for call in calls)]))


def _arguments(written: str) -> Json:
    try:
        return json.loads(written or "{}")
    except ValueError:
        return written
