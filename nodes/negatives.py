"""Negative cases: the model writes requests for which no call is right."""

from __future__ import annotations

from typing import Any, ClassVar

from ste_graph.contracts import Context, Json, Model, RecordView
from ste_graph.distil.gates import CheckResult, reject
from ste_graph.distil.negatives import DECLINING_ANSWER, missing_argument_fault, question_for, unrelated_request_fault
from ste_graph.distil.recheck import check_against_original
from ste_graph.distil.thresholds import RELATED, Cosine
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols.request import STOP, find_request


class NegativeCase(Node):
    """Ask the model for a request made of an example, and check that no call is right for it."""

    model: Model
    prompt: Prompt
    memory: RecordView
    alike: Cosine = RELATED
    """The cosine from which two requests may not be on two sides of the split."""

    gate: ClassVar[str]

    class Inputs(NodeInputs):
        """An example, and its tool."""

        original: dict[str, Any]
        tool: dict[str, Any]

    class Outputs(CheckResult, NodeOutputs):
        """`changed` is the example with the new request in it; `answer` is the reply to learn."""

        query: str
        answer: str
        changed: dict[str, Any]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        original, parameters = inputs.original, inputs.tool["parameters"]
        query = find_request((await ctx.ask(self.model, self.prompt, stop=STOP)).text)
        changed = {**original, "query": query, "paraphrase_of": original["query"]}
        if fault := self.fault(query, original, parameters):
            result = reject(self.gate, fault)
        else:
            result = await check_against_original(self.memory, changed, near=1.0, alike=self.alike, same_call=False)
        answer = self.answer(original, parameters)
        return self.Outputs(query=query, answer=answer, changed=changed, **result.model_dump())

    def fault(self, query: str, original: dict[str, Json], parameters: dict[str, Json]) -> str | None:
        """The reason why a call may be right after all; None without one."""
        raise NotImplementedError

    def answer(self, original: dict[str, Json], parameters: dict[str, Json]) -> str:
        """The reply to learn."""
        raise NotImplementedError


class MissingArgument(NegativeCase):
    """Ask the model for the same request without the value that `original.missing` names, so that one must ask back.

    It passes if that value is no longer stated and all the others still are. The reply to learn asks for the value.
    """

    gate = "missing_argument"

    def fault(self, query: str, original: dict[str, Json], parameters: dict[str, Json]) -> str | None:
        return missing_argument_fault(query, original["missing"], original, parameters)

    def answer(self, original: dict[str, Json], parameters: dict[str, Json]) -> str:
        return question_for(original["missing"], parameters)


class UnrelatedRequest(NegativeCase):
    """Ask the model for a request that sounds alike, but that the tool cannot serve. The reply to learn declines.

    It passes if it no longer states the values of the call. No rule can tell if the tool could serve it after all.
    """

    gate = "unrelated_request"

    def fault(self, query: str, original: dict[str, Json], parameters: dict[str, Json]) -> str | None:
        return unrelated_request_fault(query, original, parameters)

    def answer(self, original: dict[str, Json], parameters: dict[str, Json]) -> str:
        return DECLINING_ANSWER
