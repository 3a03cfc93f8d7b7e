"""Chat messages, tool calls and JSON replies as turns of the text protocol, in which the policy thinks, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from ste_graph.contracts import Json, Message, ToolCall
from ste_graph.models.adapter import RawReply
from ste_graph.simulated.mistakes import call_text
from ste_graph.simulated.reading import ShownTool, Turn

_CALL = re.compile(r"Thought: (.*)\nAction: (.*)\nAction Input: (.*)", re.DOTALL)


def read_dialogue(messages: Sequence[Message]) -> list[Turn]:
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
            turns.append(Turn(role, _read_json(text) if role == "assistant" else text))
        observed = role == "tool"
    return turns


def offered_tools(tools: Sequence[Mapping[str, Json]]) -> tuple[ShownTool, ...]:
    """The tools on offer in a request."""
    functions = [tool["function"] for tool in tools]
    return tuple(
        ShownTool(function["name"], function.get("description") or "", dict(function["parameters"]))
        for function in functions
    )


def _read_json(text: str) -> str:
    """A reply in the text protocol, also if it is the JSON object that `write_json_reply` makes of it."""
    if not text.startswith("{"):
        return text
    try:
        reply = json.loads(text)
        if "final_answer" in reply:
            return f"Thought: I am done.\nFinal Answer: {reply['final_answer']}"
        return call_text("", reply["action"], reply["arguments"])
    except (ValueError, KeyError):
        return text


def write_json_reply(text: str) -> str:
    """A reply in the text protocol as one JSON object, cut off where its arguments are."""
    if call := _CALL.fullmatch(text):
        return f'{{"action": {json.dumps(call[2])}, "arguments": {call[3]}' + ("}" if call[3].endswith("}") else "")
    answer = text.partition("Final Answer:")[2].strip()
    return json.dumps({"final_answer": answer or text}, ensure_ascii=False)


def write_native_reply(text: str, seed: int) -> RawReply:
    """A reply in the text protocol as one that calls a tool, or answers."""
    call = _CALL.fullmatch(text)
    if call is None:
        return RawReply(text.partition("Final Answer:")[2].strip() or text)
    thought, name, arguments = call.groups()
    return RawReply(thought, tool_calls=(ToolCall(id=f"call_{seed & 0xFFFFFF:06x}", name=name, arguments=arguments),))
