"""Examples as chat messages with tool calls, in the form of OpenAI's chat API, which TRL reads too."""

from __future__ import annotations

import json

from ste_graph.contracts import Json, Message
from ste_graph.distil.example import Definition, Example
from ste_graph.records import TrialStep
from ste_graph.training.rows.format import ArgumentFormat


def tools_list(tool: Definition) -> list[Json]:
    """The list under `tools` that offers the tool."""
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return [{"type": "function", "function": function}]


def messages_from_example(example: Example, *, answer: bool, arguments: ArgumentFormat) -> list[Message]:
    """The conversation: the request, then each call and its observation, and with `answer` the final answer.

    Without `answer` the last message is the last call; an example without calls ends with its answer all the same.
    """
    has_answer = answer and example.answer is not None
    messages: list[Message] = [{"role": "user", "content": example.query}]
    for number, step in enumerate(example.steps):
        id = f"call_{number}"
        messages.append(_call_message(step, id, arguments))
        if has_answer or number + 1 < len(example.steps):
            text = step.observation.text if step.observation else ""
            messages.append({"role": "tool", "tool_call_id": id, "content": text})
    if has_answer or not example.steps:
        messages.append({"role": "assistant", "content": example.answer or ""})
    return messages


def turns_from_example(
    example: Example, *, answer: bool, arguments: ArgumentFormat
) -> list[tuple[list[Message], list[Message]]]:
    """Prompt and completion for each turn of the assistant: all messages before it, and that turn."""
    messages = messages_from_example(example, answer=answer, arguments=arguments)
    return [(messages[:at], [turn]) for at, turn in enumerate(messages) if turn["role"] == "assistant"]


def _call_message(step: TrialStep, id: str, arguments: ArgumentFormat) -> Message:
    values: Json = step.arguments or {}
    written = json.dumps(values, ensure_ascii=False) if arguments is ArgumentFormat.text else values
    function = {"name": step.action, "arguments": written}
    return {"role": "assistant", "content": "", "tool_calls": [{"id": id, "type": "function", "function": function}]}
