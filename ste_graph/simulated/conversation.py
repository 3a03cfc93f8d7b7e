"""Chat messages and tool calls as turns of the text protocol, in which the policy thinks, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from ste_graph.contracts import Json, Message, ToolCall
from ste_graph.models.adapter import RawReply
from ste_graph.simulated.mistakes import call_text
from ste_graph.simulated.reading import ShownTool, Turn

_CALL = re.compile(r"Thought: (.*)\nAction: (.*)\nAction Input: (.*)", re.DOTALL)


def read_turns(messages: Sequence[Message]) -> list[Turn]:
    """The messages as turns of the text protocol: calls, what came of them, and the answers after that."""
    turns: list[Turn] = []
    observed = False
    for message in messages:
        role, text = message["role"], message["content"] or ""
        calls = message.get("tool_calls") or ()
        if role == "tool":
            turns.append(Turn("user", f"Observation: {text}"))
        elif role == "assistant" and calls:
            function = calls[0]["function"]
            turns.append(Turn("assistant", call_text(text, function["name"], json.loads(function["arguments"]))))
        elif role == "assistant" and observed:
            turns.append(Turn("assistant", f"Thought: I am done.\nFinal Answer: {text}"))
        else:
            turns.append(Turn(role, text))
        observed = role == "tool"
    return turns


def offered_tools(tools: Sequence[Mapping[str, Json]]) -> tuple[ShownTool, ...]:
    """The tools on offer in a request."""
    functions = [tool["function"] for tool in tools]
    return tuple(
        ShownTool(function["name"], function.get("description") or "", dict(function["parameters"]))
        for function in functions
    )


def write_reply(text: str, seed: int) -> RawReply:
    """A reply in the text protocol as one that calls a tool, or answers."""
    call = _CALL.fullmatch(text)
    if call is None:
        return RawReply(text.partition("Final Answer:")[2].strip() or text)
    thought, name, arguments = call.groups()
    return RawReply(thought, tool_calls=(ToolCall(id=f"call_{seed & 0xFFFFFF:06x}", name=name, arguments=arguments),))
