"""Call: the model asks for a tool call, or gives its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ste_graph.contracts import Context, Model
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols import native, paper, react


class Call(Node):
    """Let the model make its next move (STE, section 3: it interacts with the tool to fulfil its own request).

    It runs before the turn loop and in it: first it reads the request, then each observation. A reply that cannot be
    read takes a turn, and `problem` tells the model what was expected.

    `protocol: react` is the paper's text form, which `parser` reads: tolerantly, or as the released code did.
    `protocol: native` is the model's own tool calling; an observation is then sent as a tool message, so that the
    prompt is sent only at the first move of a trial.
    """

    model: Model
    prompt: Prompt
    protocol: Literal["react", "native"] = "react"
    parser: Literal["tolerant", "paper"] = "tolerant"

    class Inputs(NodeInputs):
        """The request, and the last observation; None at the first move of a trial."""

        query: str
        text: str | None

    class Outputs(NodeOutputs):
        """A call (`action`, `arguments`, and in `repairs` what had to be repaired), or an `answer`, or a `problem`."""

        thought: str | None
        action: str | None
        arguments: dict[str, Any] | None
        answer: str | None
        problem: str | None
        repairs: list[str]
        finished: bool

    @classmethod
    def output_type(cls, settings: Mapping[str, Any]) -> type[NodeOutputs]:
        """`Outputs`. Raises `ValueError` where a parser is named for a protocol that has nothing to parse."""
        if settings.get("protocol") == "native" and settings.get("parser", "tolerant") != "tolerant":
            raise ValueError("`protocol: native` has no text to parse: leave out `parser`")
        return cls.Outputs

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        if self.protocol == "native":
            if inputs.text is None:
                reply = await ctx.ask(self.model, self.prompt, tools=True)
            else:
                reply = await ctx.answer_tool_call(self.model, inputs.text, otherwise=self.prompt)
            return self._outputs(native.parse(reply))
        reply = await ctx.ask(self.model, self.prompt, stop=react.STOP)
        return self._outputs(paper.parse(reply.text) if self.parser == "paper" else react.parse(reply.text))

    def _outputs(self, step: react.NextStep) -> Outputs:
        given: dict[str, Any] = dict.fromkeys(self.Outputs.model_fields)
        given |= {"thought": step.thought or None, "repairs": [], "finished": False}
        match step:
            case react.Action(name=name, arguments=arguments, repairs=repairs):
                given |= {"action": name, "arguments": arguments, "repairs": list(repairs)}
            case react.FinalAnswer(text=answer):
                given |= {"answer": answer, "finished": True}
            case react.Malformed(problem=problem):
                given |= {"problem": problem}
        return self.Outputs(**given)
