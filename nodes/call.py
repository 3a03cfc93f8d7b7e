"""Call: the model asks for a tool call, or gives its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, TypeAlias

from ste_graph.contracts import Context, Model, Reply
from ste_graph.json_values import equal
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols import paper, react
from ste_graph.protocols.call_schema import call_schema
from ste_graph.protocols.form import Form
from ste_graph.protocols.next_step import Action, FinalAnswer, Malformed, NextStep
from ste_graph.protocols.reader import read

Protocol: TypeAlias = Literal["react", "native", "json", "auto"]


class Call(Node):
    """Let the model make its next move (STE, section 3: it interacts with the tool to fulfil its own request).

    It runs before the turn loop and in it: first it reads the request, then each observation. `protocol` says how a
    call is asked for; whichever form the model then uses is read, and named in `repairs` if it was not asked for. A
    reply that cannot be read takes a turn, and `problem` tells the model what was expected.

    `react`: the paper's text form, which `parser` reads: tolerantly, or as the released code did. `native`: the model's
    own tool calling; an observation is sent as a tool message. `json`: an object by a JSON Schema, which the model
    cannot leave where the server forces it, and which is a call at the first move. `auto`: the form that `ste doctor`
    found to work, else `native`; after a reply that could not be read the next of `native`, `json` and `react`, for as
    long as the node's outputs live: by default the trial.
    """

    own_inputs: ClassVar[frozenset[str]] = frozenset({"problem", "form", "action", "arguments", "failed_calls"})

    model: Model
    prompt: Prompt
    protocol: Protocol = "react"
    """The form in which a call is asked for: `react`, `native`, `json` or `auto`."""
    parser: Literal["tolerant", "paper"] = "tolerant"
    """`paper` reads replies exactly as the code of the paper did."""

    class Inputs(NodeInputs):
        """The request, and the last observation; None at the first move of a trial.

        `at_fault` is whether the last call failed by its own fault, see `observe`. The others are this node's own
        outputs of the move before, as far as there was one in this trial.
        """

        query: str
        text: str | None
        at_fault: bool | None = None
        problem: str | None = None
        form: str | None = None
        action: str | None = None
        arguments: dict[str, Any] | None = None
        failed_calls: list[dict[str, Any]] | None = None

        @property
        def known_failures(self) -> list[dict[str, Any]]:
            """The calls of the trial so far that failed by their own fault."""
            earlier = (self.failed_calls or []) if self.text is not None else []
            return [*earlier, {"action": self.action, "arguments": self.arguments}] if self.at_fault else earlier

    class Outputs(NodeOutputs):
        """A call (`action`, `arguments`, and in `repairs` what had to be repaired), or an `answer`, or a `problem`.

        `failed_calls` are the calls of the trial so far, as `action` and `arguments`, that failed by their own fault.
        `repeated`: this very call is among them, so that making it again would teach nothing.
        `form` is the form that was asked for; `reply` is the reply as the model gave it, where it could not be read.
        """

        thought: str | None
        action: str | None
        arguments: dict[str, Any] | None
        answer: str | None
        problem: str | None
        repairs: list[str]
        finished: bool
        failed_calls: list[dict[str, Any]]
        repeated: bool
        form: str
        reply: str | None

    @classmethod
    def output_type(cls, settings: Mapping[str, Any]) -> type[NodeOutputs]:
        """`Outputs`. Raises `ValueError` where a parser is named for a protocol that has nothing to parse."""
        protocol = settings.get("protocol", "react")
        if protocol != "react" and settings.get("parser", "tolerant") != "tolerant":
            raise ValueError(f"`parser` is for `protocol: react`, and this is `{protocol}`: leave out `parser`")
        return cls.Outputs

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        form = self._form(inputs, ctx)
        reply = await self._ask(inputs, ctx, form)
        if self.parser == "paper":
            step = paper.parse(reply.text)
        else:
            step = read(reply, ctx.tool_schemas, form, prompt=self.prompt.text)
        return self._outputs(step, form, reply, inputs.known_failures)

    def _form(self, inputs: Inputs, ctx: Context) -> Form:
        """The form to ask for now."""
        if self.protocol != "auto":
            return self.protocol
        known = inputs.form or ctx.known_protocol(self.model)
        last: Form = "react" if known == "react" else "json" if known == "json" else "native"
        return _NEXT_FORM[last] if inputs.problem else last

    async def _ask(self, inputs: Inputs, ctx: Context, form: Form) -> Reply:
        match form:
            case "native" if inputs.text is None:
                return await ctx.ask(self.model, self.prompt, tools=True)
            case "native":
                return await ctx.answer_tool_call(self.model, inputs.text or "", otherwise=self.prompt)
            case "json":
                schema = call_schema(ctx.tool_schemas, answer=inputs.text is not None)
                return await ctx.ask(self.model, self.prompt, schema=schema)
            case "react":
                return await ctx.ask(self.model, self.prompt, stop=react.STOP)

    def _outputs(self, step: NextStep, form: Form, reply: Reply, failed_calls: list[dict[str, Any]]) -> Outputs:
        given: dict[str, Any] = dict.fromkeys(self.Outputs.model_fields)
        given |= {"thought": step.thought or None, "repairs": [], "finished": False, "form": form}
        given |= {"failed_calls": failed_calls, "repeated": False}
        match step:
            case Action(name=name, arguments=arguments, repairs=repairs):
                given |= {"action": name, "arguments": arguments, "repairs": list(repairs)}
                given["repeated"] = any(
                    failed["action"] == name and equal(failed["arguments"], arguments) for failed in failed_calls
                )
            case FinalAnswer(text=answer, repairs=repairs):
                given |= {"answer": answer, "finished": True, "repairs": list(repairs)}
            case Malformed(problem=problem):
                given |= {"problem": problem, "reply": render_reply(reply)}
        return self.Outputs(**given)


def render_reply(reply: Reply) -> str:
    """The whole reply as text: what the model wrote, and the calls that the server read in it."""
    calls = [f"[call] {call.name} {call.arguments}" for call in reply.tool_calls]
    thoughts = [f"[thoughts] {reply.reasoning}"] if reply.reasoning and not reply.text.strip() else []
    return "\n".join(filter(None, [*thoughts, reply.text, *calls, reply.problem and f"[server] {reply.problem}"]))


_NEXT_FORM: Final[Mapping[Form, Form]] = {"native": "json", "json": "react", "react": "react"}
