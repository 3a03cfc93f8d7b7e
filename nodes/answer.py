"""Answer: a model's single reply to a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ste_graph.contracts import Context, Json, Model, Reply
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols import native, react
from ste_graph.protocols.call_schema import call_schema
from ste_graph.protocols.form import Form
from ste_graph.scoring.cost import ReplyCost, cost_of


class Answer(Node):
    """Ask the model once, and keep its reply as it is (STE, section 4: only the call is scored, nothing is executed).

    The reply ends where the model would go on with an observation of its own. What it says is for `score` to find out;
    a model that keeps silent has replied, though with nothing.

    `protocol` says in which form a call is asked for. `react`: the paper's text, `Action: …`. `native`: the model's own
    tool calling; a call that the server reads is kept as text. `json`: one JSON object, by the schemas of the tools, so
    that where the server forces them the reply is a call of one of them; with `forced: false` the prompt alone asks.
    """

    model: Model
    prompt: Prompt
    protocol: Form = "react"
    """The form in which a call is asked for: `react`, `native` or `json`."""
    forced: bool = True
    """False: with `json` the prompt alone asks for it, and the server does not force it."""

    class Inputs(NodeInputs):
        """The tools on offer (`name`, `description`, `parameters`), if the protocol sends them outside the prompt."""

        tools: list[dict[str, Any]] | None = None

    class Outputs(NodeOutputs):
        """The text of the reply; None if the model gave no reply. `form` is the form that was asked for."""

        output: str | None
        form: Form
        cost: ReplyCost

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await self._ask(inputs.tools or [], ctx)
        text = native.write_reply(reply) if self.protocol == "native" else reply.text
        return self.Outputs(output=text if text.strip() else None, form=self.protocol, cost=cost_of(reply))

    async def _ask(self, tools: list[dict[str, Any]], ctx: Context) -> Reply:
        by_prompt = self.protocol == "react" or (self.protocol == "json" and not self.forced)
        if by_prompt:
            return await ctx.ask(self.model, self.prompt, stop=react.STOP)
        if not tools:
            raise ValueError(f"`protocol: {self.protocol}` needs tools: `inputs: {{tools: offer.tools}}`")
        if self.protocol == "native":
            return await ctx.ask(self.model, self.prompt, tools=tools)
        schemas: Mapping[str, Json] = {tool["name"]: tool["parameters"] for tool in tools}
        return await ctx.ask(self.model, self.prompt, schema=call_schema(schemas, answer=False))
