"""Messages in the order of roles that a server's chat template takes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from ste_graph.contracts import Json, Message
from ste_graph.models.chat.adaptation import Adaptation

OPENING = "Go on."
"""The user's turn before the first assistant's, where a conversation has none."""
NOTED = "Noted."
"""The assistant's turn between a tool's answer and a user's message, which templates do not let follow each other."""


def adapt_messages(messages: Sequence[Message], adaptation: Adaptation) -> list[Message]:
    """The messages as the server takes them."""
    adapted: Iterable[Message] = messages
    if adaptation.no_system:
        adapted = [{**message, "role": "user"} if message["role"] == "system" else message for message in adapted]
    if adaptation.alternating or adaptation.no_system or adaptation.no_tools:
        adapted = _take_turns(adapted)
    if adaptation.short_ids:
        adapted = map(_shorten_ids, adapted)
    return list(adapted)


def _take_turns(messages: Iterable[Message]) -> Iterator[Message]:
    """Messages in which user and assistant alternate, after one system message at most."""
    last: Message | None = None
    for message in _open_with_user(_lead_with_system(messages)):
        if last is None:
            last = message
        elif last["role"] == message["role"] != "tool":
            last = _merge(last, message)
        else:
            yield last
            if (last["role"], message["role"]) == ("tool", "user"):
                yield {"role": "assistant", "content": NOTED}
            last = message
    if last is not None:
        yield last


def _lead_with_system(messages: Iterable[Message]) -> Iterator[Message]:
    """Only the leading messages are the system's: a later one is the user's."""
    leading = True
    for message in messages:
        leading = leading and message["role"] == "system"
        yield {**message, "role": "user"} if message["role"] == "system" and not leading else message


def _open_with_user(messages: Iterable[Message]) -> Iterator[Message]:
    opened = False
    for message in messages:
        if not opened and message["role"] in ("assistant", "tool"):
            yield {"role": "user", "content": OPENING}
        opened = opened or message["role"] != "system"
        yield message
    if not opened:
        yield {"role": "user", "content": OPENING}


def _merge(first: Message, second: Message) -> Message:
    merged = {**first, **second, "content": _join(first.get("content"), second.get("content"))}
    calls = [*(first.get("tool_calls") or ()), *(second.get("tool_calls") or ())]
    return {**merged, "tool_calls": calls} if calls else merged


def _join(first: Json, second: Json) -> Json:
    if isinstance(first, list) or isinstance(second, list):
        return [*_parts(first), *_parts(second)]
    return "\n\n".join(filter(None, (first, second)))


def _parts(content: Json) -> list[Json]:
    return content if isinstance(content, list) else [{"type": "text", "text": content}] if content else []


def _shorten_ids(message: Message) -> Message:
    if message.get("tool_calls"):
        return {**message, "tool_calls": [{**call, "id": short_id(call["id"])} for call in message["tool_calls"]]}
    return {**message, "tool_call_id": short_id(message["tool_call_id"])} if "tool_call_id" in message else message


def short_id(id: str) -> str:
    """The id of a tool call as nine letters and digits; the same id gives the same ones."""
    if len(id) == 9 and id.isascii() and id.isalnum():
        return id
    return hashlib.sha256(id.encode("utf-8", "replace")).hexdigest()[:9]
