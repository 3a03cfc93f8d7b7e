"""One Python function as a tool."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ste_graph.contracts import Effect, Json, Observation
from ste_graph.tools.names import legal_name
from ste_graph.tools.observation import observe_call, observe_fault
from ste_graph.tools.python.docstring import parse_docstring
from ste_graph.tools.python.signature import Signature
from ste_graph.tools.threads import run_in_daemon_thread


@dataclass(frozen=True)
class FunctionTool:
    """A function as a tool: async functions run in the event loop, others in a thread of their own."""

    name: str
    description: str
    parameters: Mapping[str, Json]
    effect: Effect
    signature: Signature

    @classmethod
    def of(cls, name: str, function: Callable[..., Any], effect: Effect) -> FunctionTool:
        """The tool of a function. Raises `WorkflowError` if no JSON Schema can be made of its hints."""
        signature = Signature(function, name)
        return cls(legal_name(name), parse_docstring(function)[0], signature.parameters, effect, signature)

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        """The result of the function as text; an exception is an observation too."""
        try:
            positional, named = self.signature.bind(arguments)
        except ValidationError as error:
            return Observation(ok=False, kind="invalid_arguments", text=list_faults(self.name, error))
        function = self.signature.function
        pending: list[Any] = []

        def start() -> Any:
            result = function(*positional, **named)
            if inspect.isawaitable(result) or isinstance(result, AsyncIterator):
                pending.append(result)
                return None
            return result

        if not self.signature.is_coroutine:
            observation = await run_in_daemon_thread(lambda: observe_call(start))
            if not pending:
                return observation
        try:
            result = await finish(pending[0] if pending else function(*positional, **named))
        except BaseException as error:
            return observe_fault(error)
        return observe_call(lambda: result)


async def finish(result: Any) -> Any:
    """The result of an awaitable, and the items of an asynchronous iterator."""
    if inspect.isawaitable(result):
        result = await result
    return [item async for item in result] if isinstance(result, AsyncIterator) else result


def list_faults(name: str, error: ValidationError) -> str:
    """The arguments that Python's types do not accept beyond the JSON Schema, one line each."""
    lines = [
        f"- `{'.'.join(str(part) for part in fault['loc']) or 'arguments'}`: {fault['msg']}; got {fault['input']!r:.80}"
        for fault in error.errors(include_url=False, include_context=False)
    ]
    return "\n".join([f"Invalid arguments for `{name}`:", *lines])
