"""Examples as chat messages with tool calls, in the form of OpenAI's chat API, which TRL reads too."""

from __future__ import annotations

import json

from ste_graph.contracts import Json, Message
from ste_graph.distil.example import Definition, Example
from ste_graph.records import Step

from .form import Arguments


def tools_of(tool: Definition) -> list[Json]:
    """The tools on offer, as `tools` lists them."""
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return [{"type": "function", "function": function}]


def messages_of(example: Example, *, answer: bool, arguments: Arguments) -> list[Message]:
    """The conversation: the request, each call and what it gave. With `answer` it goes on to the final answer.

    Without it the last message is the last call; where no call is to be learnt, it is the answer all the same.
    """
    said: list[Message] = [{"role": "user", "content": example.query}]
    for number, step in enumerate(example.steps):
        id = f"call_{number}"
        said.append(_call(step, id, arguments))
        if (answer and example.answer is not None) or number + 1 < len(example.steps):
            said.append(
                {"role": "tool", "tool_call_id": id, "content": step.observation.text if step.observation else ""}
            )
    if (answer and example.answer is not None) or not example.steps:
        said.append({"role": "assistant", "content": example.answer or ""})
    return said


def completions_of(
    example: Example, *, answer: bool, arguments: Arguments
) -> list[tuple[list[Message], list[Message]]]:
    """Prompt and completion for each turn of the assistant: what was said before it, and that turn."""
    said = messages_of(example, answer=answer, arguments=arguments)
    return [(said[:at], [turn]) for at, turn in enumerate(said) if turn["role"] == "assistant"]


def _call(step: Step, id: str, arguments: Arguments) -> Message:
    given: Json = step.arguments or {}
    written = json.dumps(given, ensure_ascii=False) if arguments is Arguments.text else given
    function = {"name": step.action, "arguments": written}
    return {"role": "assistant", "content": "", "tool_calls": [{"id": id, "type": "function", "function": function}]}
