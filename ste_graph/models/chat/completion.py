"""The reply in a server's answer to a chat request, in whatever form servers write it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ste_graph.contracts import Json, ToolCall, Usage
from ste_graph.models.adapter import RawReply
from ste_graph.models.chat.problem import UnreadableAnswerError


def read_completion(text: str) -> RawReply:
    """The reply in an answer under HTTP 200. Raises `UnreadableAnswerError` if it has no reply."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableAnswerError(_describe(text), foreign=text.lstrip()[:1] not in ("{", "[")) from None
    if isinstance(answer, Mapping) and answer.get("error"):
        error = answer["error"]
        words = error.get("message") or error if isinstance(error, Mapping) else error
        raise UnreadableAnswerError(f"an error under HTTP 200: {words}", answer)
    choices = answer.get("choices") if isinstance(answer, Mapping) else None
    if not isinstance(choices, list):
        detail = answer.get("detail") or answer.get("message") if isinstance(answer, Mapping) else None
        words = f": {detail}" if detail else ", so it is not a model server's"
        raise UnreadableAnswerError(f"the answer has no `choices`{words}", answer, foreign=True)
    if not choices:
        raise UnreadableAnswerError("the answer has `choices: []`, so no reply", answer)
    try:
        return _read_choice(choices[0], answer.get("usage") or {}, answer.get("timings") or {})
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        raise UnreadableAnswerError(f"the reply is not in the form of the chat protocol ({error})", answer) from None


def _describe(text: str) -> str:
    start = text.lstrip()[:1]
    if not start:
        return "the answer is empty"
    if start == "<":
        return "the answer is a page, not JSON, so it is not a model server's, but perhaps a proxy's"
    if start in "{[":
        return "the answer ends in the middle of its JSON"
    return "the answer is not JSON, so it is not a model server's"


def _cached_tokens(usage: Mapping[str, Json], timings: Mapping[str, Json]) -> int:
    """The tokens of the prompt that the server had read before: by OpenAI's count, or llama.cpp's own."""
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    return int(cached if cached is not None else timings.get("cache_n") or 0)


def _read_choice(choice: Json, usage: Mapping[str, Json], timings: Mapping[str, Json]) -> RawReply:
    message = choice.get("message") or {}
    calls = message.get("tool_calls") or ()
    if not calls and (old := message.get("function_call")):
        calls = [{"function": old}]
    return RawReply(
        _text(message["content"] if message.get("content") is not None else choice.get("text")),
        tool_calls=tuple(_tool_call(call, number) for number, call in enumerate(calls)),
        usage=Usage(
            prompt_tokens=usage.get("prompt_tokens") or 0,
            completion_tokens=usage.get("completion_tokens") or 0,
            cached_tokens=_cached_tokens(usage, timings),
        ),
        reasoning=_text(message.get("reasoning") or message.get("reasoning_content")),
        finish_reason=choice.get("finish_reason"),
    )


def _text(content: Json) -> str:
    """The text of a message, whose content may be a list of parts."""
    if isinstance(content, list):
        return "".join(part if isinstance(part, str) else str(part.get("text") or "") for part in content)
    return content if isinstance(content, str) else json.dumps(content) if content else ""


def _tool_call(call: Json, number: int) -> ToolCall:
    function = call.get("function") or {}
    return ToolCall(
        id=str(call.get("id") or f"call_{number}"),
        name=str(function.get("name") or ""),
        arguments=_arguments(function.get("arguments")),
    )


def _arguments(written: Json) -> str:
    """The arguments of a call as JSON text; text that is not one JSON object stays as the model wrote it."""
    value = written
    if isinstance(written, str):
        try:
            value = json.loads(written, strict=False)
        except (ValueError, RecursionError):
            value = written  # nothing at all is no arguments
    if not value:
        return "{}"
    return (
        written if isinstance(written, str) and not isinstance(value, dict) else json.dumps(value, ensure_ascii=False)
    )
