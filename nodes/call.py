"""Call: the model says which tool it wants called with what, or gives its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ste_graph.contracts import Model
from ste_graph.node import Node, Output, Reads
from ste_graph.prompt import Prompt
from ste_graph.protocols import native, paper, react


class Call(Node):
    """Let the model make its next move (STE, section 3: it interacts with the tool to fulfil its own request).

    It stands in front of the turn loop and in it: at first it reads the request, then what came back. A reply that
    cannot be read takes a turn, and `problem` says to the model what was expected.

    `protocol: react` is the paper's text form, which `parser` reads: tolerantly, or as the released code did.
    `protocol: native` is the model's own tool calling; what came back then goes to it as a tool message, so that the
    prompt is said at the first move of a trial only.
    """

    model: Model
    prompt: Prompt
    protocol: Literal["react", "native"] = "react"
    parser: Literal["tolerant", "paper"] = "tolerant"

    class See(Reads):
        """The request, and what the model saw last of a tool; nothing at the first move of a trial."""

        query: str
        text: str | None

    class Gives(Output):
        """A call (`action`, `arguments`, and in `repairs` what had to be mended), or an `answer`, or a `problem`."""

        thought: str | None
        action: str | None
        arguments: dict[str, Any] | None
        answer: str | None
        problem: str | None
        repairs: list[str]
        finished: bool

    @classmethod
    def outputs(cls, settings: Mapping[str, Any]) -> type[Output]:
        """`Gives`. Raises `ValueError` where a parser is named for a protocol that has nothing to parse."""
        if settings.get("protocol") == "native" and settings.get("parser", "tolerant") != "tolerant":
            raise ValueError("`protocol: native` has no text to parse: leave out `parser`")
        return cls.Gives

    async def __call__(self, see: See) -> Gives:
        if self.protocol == "native":
            return self._gives(native.parse(await see.ask(self.model, self.prompt, tools=True, observed=see.text)))
        reply = await see.ask(self.model, self.prompt, stop=react.STOP)
        return self._gives(paper.parse(reply.text) if self.parser == "paper" else react.parse(reply.text))

    def _gives(self, step: react.Step) -> Gives:
        given: dict[str, Any] = dict.fromkeys(self.Gives.model_fields)
        given |= {"thought": step.thought or None, "repairs": [], "finished": False}
        match step:
            case react.Action(name=name, arguments=arguments, repairs=repairs):
                given |= {"action": name, "arguments": arguments, "repairs": list(repairs)}
            case react.Answer(text=answer):
                given |= {"answer": answer, "finished": True}
            case react.Malformed(problem=problem):
                given |= {"problem": problem}
        return self.Gives(**given)
