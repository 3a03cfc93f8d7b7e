"""Tool calling of the simulated model: its text protocol is translated on the way in and on the way out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from ste_graph.models.simulated.mistakes import call_text
from ste_graph.models.simulated.reading import Shown, Turn

ROLES = {"human": "user", "ai": "assistant"}
_CALL = re.compile(r"Thought: (.*)\nAction: (.*)\nAction Input: (.*)", re.DOTALL)


def turns_of(messages: Sequence[BaseMessage]) -> list[Turn]:
    """The messages as turns of the text protocol: calls, what came of them, and the answers behind that."""
    turns: list[Turn] = []
    observed = False
    for message in messages:
        text = str(message.text)
        match message:
            case ToolMessage():
                turns.append(Turn("user", f"Observation: {text}"))
            case AIMessage(tool_calls=[call, *_]):
                turns.append(Turn("assistant", call_text(text, call["name"], call["args"])))
            case AIMessage() if observed:
                turns.append(Turn("assistant", f"Thought: I am done.\nFinal Answer: {text}"))
            case _:
                turns.append(Turn(ROLES.get(message.type, message.type), text))
        observed = isinstance(message, ToolMessage)
    return turns


def shown_in(tools: Sequence[Mapping[str, Any]]) -> tuple[Shown, ...]:
    """The tools on offer in a request."""
    offered = [tool["function"] for tool in tools]
    return tuple(Shown(tool["name"], tool.get("description") or "", dict(tool["parameters"])) for tool in offered)


def message_of(text: str, seed: int) -> AIMessage:
    """A reply in the text protocol as a message that calls, or answers."""
    call = _CALL.fullmatch(text)
    if call is None:
        return AIMessage(text.partition("Final Answer:")[2].strip() or text)
    thought, name, written = call.groups()
    told: Any = {"id": f"call_{seed & 0xFFFFFF:06x}", "name": name}
    try:
        return AIMessage(thought, tool_calls=[{**told, "args": json.loads(written), "type": "tool_call"}])
    except ValueError:
        return AIMessage(thought, invalid_tool_calls=[{**told, "args": written, "error": None}])
