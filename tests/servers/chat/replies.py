"""Servers and models whose replies have another shape than the reader of the protocol expects."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from tests.servers.chat.server import Answer, Behaviour, Proceed, Request


def change_message(change: Callable[[dict[str, Any]], dict[str, Any]], **choice: Any) -> Behaviour:
    """The behaviour that changes the message of each reply, and sets keys of its choice."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        given = proceed(request)
        if not given.message:
            return given
        changed = {**given.body["choices"][0], "message": change(given.message), **choice}
        return replace(given, body={**given.body, "choices": [changed]})

    return answer


def think(where: Literal["reasoning", "reasoning_content", "tags", "open tag", "brackets"] = "reasoning") -> Behaviour:
    """The model thinks first; its thoughts come in a key of their own, or in the text."""
    thought = "Let me see what is asked for here."

    def change(message: dict[str, Any]) -> dict[str, Any]:
        text = message.get("content") or ""
        match where:
            case "tags":
                return {**message, "content": f"<think>\n{thought}\n</think>\n\n{text}"}
            case "open tag":  # the template has written the first one
                return {**message, "content": f"{thought}\n</think>\n\n{text}"}
            case "brackets":
                return {**message, "content": f"[THINK]{thought}[/THINK]{text}"}
            case _:
                return {**message, where: thought}

    return change_message(change)


def think_only(count: int | None = None, where: str = "reasoning", finish: str = "length") -> Behaviour:
    """Nothing but thoughts, as where the tokens were used up: in the first so many replies, or in all."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        if not request.is_chat or (count is not None and request.number >= count):
            return proceed(request)
        change = change_message(lambda message: {**message, "content": None, where: "Hm, so"}, finish_reason=finish)
        return change(request, proceed)

    return answer


DIALECTS: Final[Mapping[str, Callable[[str, dict[str, Any]], str]]] = {
    "json": lambda name, given: json.dumps({"name": name, "arguments": given}),
    "json list": lambda name, given: json.dumps([{"name": name, "parameters": given}]),
    "fence": lambda name, given: f"```json\n{json.dumps({'name': name, 'arguments': given}, indent=2)}\n```",
    "action": lambda name, given: json.dumps({"action": name, "actionInput": given}),
    "tool_call": lambda name, given: f"<tool_call>\n{json.dumps({'name': name, 'arguments': given})}\n</tool_call>",
    "tools": lambda name, given: f"<tools>{json.dumps({'name': name, 'arguments': given})}</tools>",
    "mistral": lambda name, given: f"[TOOL_CALLS]{json.dumps([{'name': name, 'arguments': given}])}",
    "mistral args": lambda name, given: f"[TOOL_CALLS]{name}[ARGS]{json.dumps(given)}",
    "python_tag": lambda name, given: f"<|python_tag|>{json.dumps({'name': name, 'parameters': given})}",
    "function": lambda name, given: f"<function={name}>{json.dumps(given)}</function>",
    "xml": lambda name, given: (
        f"<tool_call>\n<function={name}>\n"
        + "".join(f"<parameter={key}>\n{_plain(value)}\n</parameter>\n" for key, value in given.items())
        + "</function>\n</tool_call>"
    ),
    "pythonic": lambda name, given: f"[{name}({', '.join(f'{key}={value!r}' for key, value in given.items())})]",
    "harmony": lambda name, given: (
        f"<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>{json.dumps(given)}<|call|>"
    ),
    "react": lambda name, given: f"Thought: a call is needed\nAction: {name}\nAction Input: {json.dumps(given)}",
}
"""The ways in which models write a call as text."""


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def leak_calls(dialect: str, where: str = "content", finish: str = "stop") -> Behaviour:
    """The server does not read the model's calls: they are left in the text, or in the thoughts."""

    def change(message: dict[str, Any]) -> dict[str, Any]:
        calls = message.get("tool_calls")
        if not calls:
            return message
        function = calls[0]["function"]
        text = DIALECTS[dialect](function["name"], json.loads(function["arguments"]))
        rest = {key: value for key, value in message.items() if key != "tool_calls"}
        return {**rest, where: text}

    def answer(request: Request, proceed: Proceed) -> Answer:
        given = proceed(request)
        if not given.message.get("tool_calls"):
            return given
        return change_message(change, finish_reason=finish)(request, lambda inner: given)

    return answer


def promise_calls() -> Behaviour:
    """`finish_reason: tool_calls`, and none in the message: what the model wrote is gone."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        given = proceed(request)
        if not given.message.get("tool_calls"):
            return given
        change = change_message(lambda message: {"role": "assistant", "content": "", "tool_calls": []})
        return change(request, lambda inner: given)

    return answer


def change_calls(kind: Literal["object", "no id", "null", "twice", "no type", "text beside"]) -> Behaviour:
    """Tool calls in forms that the protocol does not have: arguments as an object, no id, two at once, …"""

    def change(message: dict[str, Any]) -> dict[str, Any]:
        calls = message.get("tool_calls")
        if not calls:
            return message
        call, function = calls[0], calls[0]["function"]
        match kind:
            case "object":
                calls = [{**call, "function": {**function, "arguments": json.loads(function["arguments"])}}]
            case "no id":
                calls = [{"type": "function", "function": function}]
            case "null":
                calls = [{**call, "function": {**function, "arguments": None}}]
            case "twice":
                calls = [call, {**call, "id": f"{call['id']}b"}]
            case "no type":
                calls = [{"id": call["id"], "function": function}]
            case "text beside":
                return {**message, "content": "I shall look that up."}
        return {**message, "tool_calls": calls}

    return change_message(change)


def send_parts() -> Behaviour:
    """The text of a reply as a list of parts."""

    def change(message: dict[str, Any]) -> dict[str, Any]:
        text = message.get("content")
        if text is None:
            return message
        half = len(text) // 2
        return {**message, "content": [{"type": "text", "text": text[:half]}, {"type": "text", "text": text[half:]}]}

    return change_message(change)


def stay_silent(count: int | None = None, content: str | None = "") -> Behaviour:
    """Empty replies: the first so many, or all."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        if not request.is_chat or (count is not None and request.number >= count):
            return proceed(request)
        return change_message(lambda message: {"role": "assistant", "content": content})(request, proceed)

    return answer


def leave_out(*keys: str) -> Behaviour:
    """Answers without `usage`, `id` or other keys that a client may take for granted."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        given = proceed(request)
        if not given.message:
            return given
        choice = {key: value for key, value in given.body["choices"][0].items() if key not in keys}
        body = {key: value for key, value in given.body.items() if key not in keys}
        return replace(given, body={**body, "choices": [choice]})

    return answer


def break_characters() -> Behaviour:
    """A lone surrogate in each text, as where a server cuts a character in two."""

    def change(message: dict[str, Any]) -> dict[str, Any]:
        return {**message, "content": f"{message['content']} \ud83d"} if message.get("content") else message

    return change_message(change)


def cut_replies(finish: str = "length") -> Behaviour:
    """Replies end in the middle, with `finish_reason: length`."""

    def change(message: dict[str, Any]) -> dict[str, Any]:
        text = message.get("content")
        return {**message, "content": text[: len(text) // 2 + 1]} if text else message

    return change_message(change, finish_reason=finish)
