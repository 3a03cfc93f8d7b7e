"""A model's own tool calling: LangChain's messages on one side, plain calls on the other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ste_graph.contracts import Json, ToolCall
from ste_graph.errors import ModelError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage


def bind_tools(chat: BaseChatModel, tools: Sequence[Mapping[str, Json]], label: str) -> Any:
    """The chat model with the tools on offer. Raises `ModelError` for a model without tool calling."""
    try:
        return chat.bind_tools([dict(tool) for tool in tools])
    except NotImplementedError:
        raise ModelError(
            f"model `{label}` cannot call tools by itself: set `protocol: react` on the node that asks it"
        ) from None


def tool_calls_of(message: AIMessage) -> tuple[ToolCall, ...]:
    """The calls in a reply, those whose arguments are no JSON last: LangChain keeps them apart."""
    written = [(call["id"], call["name"], json.dumps(call["args"], ensure_ascii=False)) for call in message.tool_calls]
    written += [(call["id"], call["name"] or "", call["args"] or "") for call in message.invalid_tool_calls]
    return tuple(
        ToolCall(id=id or f"call_{number}", name=name, arguments=arguments)
        for number, (id, name, arguments) in enumerate(written)
    )


def misread(error: ValidationError) -> AIMessage:
    """The reply that LangChain could not take in, as its arguments are JSON, but no object. Raises any other error."""
    from langchain_core.messages import AIMessage

    wrong = [fault for fault in error.errors(include_url=False) if fault["loc"][:1] == ("tool_calls",)]
    if not wrong:
        raise error
    return AIMessage("", invalid_tool_calls=[_wrong(None, "", json.dumps(fault["input"])) for fault in wrong])


def calls_of(calls: Sequence[ToolCall]) -> dict[str, list[Any]]:
    """The calls as LangChain's message takes them; `tool_calls_of` is the way back."""
    found: dict[str, list[Any]] = {"tool_calls": [], "invalid_tool_calls": []}
    for call in calls:
        try:
            args = json.loads(call.arguments)
        except ValueError:
            args = None
        if isinstance(args, dict):
            found["tool_calls"].append({"id": call.id, "name": call.name, "args": args, "type": "tool_call"})
        else:
            found["invalid_tool_calls"].append(_wrong(call.id, call.name, call.arguments))
    return found


def _wrong(id: str | None, name: str, arguments: str) -> Any:
    return {"id": id, "name": name, "args": arguments, "error": None, "type": "invalid_tool_call"}
