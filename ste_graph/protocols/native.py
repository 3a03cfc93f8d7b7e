"""The model's own tool calling, as chat messages in OpenAI form: no text to parse, but a transcript to keep valid.

Servers want every call of an assistant message answered by a tool message before anything else is said, and its
arguments to be JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from ste_graph.contracts import Json, Message, Reply, ToolCall
from ste_graph.protocols.json_object import NotAnObjectError, first_object
from ste_graph.protocols.next_step import Action, Malformed
from ste_graph.protocols.offered import clean_name
from ste_graph.protocols.repairs import Repair
from ste_graph.tools.names import legal_name

ONE_AT_A_TIME = "One call at a time: this one was not made."
NOT_MADE = "This call was not made."
EXCERPT = 200
_KEPT_CALLS = "calls_by_server"
_UNREAD = "The call could not be read: the arguments"


def parse_calls(reply: Reply) -> Action | Malformed:
    """Reads the tool calls of a reply, of which there is at least one: the first counts."""
    thought = reply.text.strip()
    first, *others = reply.tool_calls
    repairs: list[Repair] = ["several calls"] if others else []
    if not first.name.strip():
        return Malformed(
            thought,
            f"The call could not be read: it names no tool, or its arguments are not an object: {_excerpt(first)}.",
        )
    if first.arguments.strip() in ("", "null"):
        return Action(thought, first.name, {}, (*repairs, "empty input"))
    try:
        parsed = first_object(first.arguments)
    except NotAnObjectError as reason:
        return Malformed(thought, f"{_UNREAD} of `{first.name}` are not one JSON object: {reason}.")
    repairs += parsed.repairs
    if parsed.rest:
        repairs.append("text after the object")
    return Action(thought, first.name, parsed.value, tuple(dict.fromkeys(repairs)))


def assistant_message(reply: Reply) -> Message:
    """The reply as the transcript keeps it; arguments that no server would take become `{}`."""
    message: Message = {"role": "assistant", "content": reply.text}
    if reply.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": legal_name(clean_name(call.name)), "arguments": _valid_arguments(call)},
            }
            for call in reply.tool_calls
        ]
    return message


def pending_call_ids(messages: Sequence[Message]) -> list[str]:
    """The ids of the calls that the last message makes."""
    return [call["id"] for call in messages[-1].get("tool_calls") or ()] if messages else []


def tool_messages(ids: Sequence[str], result: str | None) -> list[Message]:
    """A tool message per call: the result of the first (None: it was not made), and that the others were not made."""
    others = NOT_MADE if result is None else ONE_AT_A_TIME
    texts = [NOT_MADE if result is None else result, *(others for _ in ids[1:])]
    return [{"role": "tool", "tool_call_id": id, "content": text} for id, text in zip(ids, texts, strict=True)]


def write_reply(reply: Reply) -> str:
    """The reply as text, to be kept: what the model said, then the calls that its server has read as a line of JSON."""
    calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in reply.tool_calls]
    kept = json.dumps({_KEPT_CALLS: calls}, ensure_ascii=False) if calls else ""
    return "\n".join(filter(None, (reply.text, kept)))


def read_kept_reply(text: str) -> Reply:
    """The reply that `write_reply` has kept. Never raises."""
    before, _, last = text.rpartition("\n")
    try:
        kept = json.loads(last) if last.startswith(f'{{"{_KEPT_CALLS}"') else {}
        calls = tuple(ToolCall.model_validate(call) for call in kept.get(_KEPT_CALLS) or ())
    except (ValueError, RecursionError, TypeError):  # a model that wrote something alike
        calls = ()
    return Reply(text=before, tool_calls=calls) if calls else Reply(text=text)


def openai_tools(tools: Iterable[Mapping[str, Json]]) -> list[dict[str, Json]]:
    """The tools (`name`, `description`, `parameters`) in OpenAI form, as a request offers them."""
    return [
        {
            "type": "function",
            "function": {name: tool[name] for name in ("name", "description", "parameters")},
        }
        for tool in tools
    ]


def _valid_arguments(call: ToolCall) -> str:
    try:
        return json.dumps(first_object(call.arguments).value, ensure_ascii=False)
    except NotAnObjectError:
        return "{}"


def _excerpt(call: ToolCall) -> str:
    text = " ".join(call.arguments.split())
    return f"`{text if len(text) <= EXCERPT else f'{text[:EXCERPT]}…'}`"
