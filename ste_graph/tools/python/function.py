"""One Python function behind the contract of a tool."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ste_graph.contracts import Effect, Json, Observation
from ste_graph.tools.names import legal
from ste_graph.tools.python.signature import Signature, docstring
from ste_graph.tools.text import as_text, sound
from ste_graph.tools.threads import in_daemon_thread


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
        """The tool that a function is. Raises `WorkflowError` if its hints make no JSON Schema."""
        signature = Signature(function, name)
        return cls(legal(name), docstring(function)[0], signature.parameters, effect, signature)

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        """What the function returned, as text; whatever it raised is an observation too."""
        try:
            positional, named = self.signature.bound(arguments)
        except ValidationError as fault:
            return Observation(ok=False, kind="invalid_arguments", text=refusal(self.name, fault))
        function = self.signature.function
        asynchronous = inspect.iscoroutinefunction(inspect.unwrap(function))
        if not asynchronous:
            return await in_daemon_thread(lambda: observed(lambda: function(*positional, **named)))
        try:
            result = await function(*positional, **named)
        except (Exception, SystemExit, asyncio.CancelledError) as fault:
            task = asyncio.current_task()
            if isinstance(fault, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # the run was stopped or the time is over; a tool's own cancelling is the tool's fault
            return failed(fault)
        return observed(lambda: result)


def observed(call: Callable[[], Any]) -> Observation:
    """The observation of a call made right here; nothing that the call raises gets past it."""
    try:
        return Observation(ok=True, kind="ok", text=as_text(call()))
    except BaseException as fault:  # in a tool's own thread, SystemExit is one more way to fail
        return failed(fault)


def failed(fault: BaseException) -> Observation:
    """The observation of an exception: its type and its message."""
    try:
        message = sound(str(fault))
    except BaseException:
        message = ""
    name = type(fault).__name__
    return Observation(ok=False, kind="tool_error", text=f"{name}: {message}" if message else name)


def refusal(name: str, fault: ValidationError) -> str:
    """What Python's types do not accept beyond the JSON Schema, one line per argument."""
    lines = [
        f"- `{'.'.join(str(part) for part in error['loc']) or 'arguments'}`: {error['msg']}; got {error['input']!r:.80}"
        for error in fault.errors(include_url=False, include_context=False)
    ]
    return "\n".join([f"Invalid arguments for `{name}`:", *lines])
