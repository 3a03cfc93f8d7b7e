"""The body of a request to a server of the OpenAI chat protocol."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ste_graph.contracts import Json, Message, ModelRequest
from ste_graph.models.chat.adaptation import AS_ASKED, Adaptation
from ste_graph.models.chat.roles import adapt_messages
from ste_graph.models.chat.text_tools import offer_in_text

WITH_SCHEMA = "Reply with one JSON value that this JSON Schema accepts, and with nothing else:"
"""Opens the schema in the prompt of a server that does not take it as `response_format`."""


def request_body(
    settings: Mapping[str, Json],
    request: ModelRequest,
    adaptation: Adaptation = AS_ASKED,
    *,
    extra: Mapping[str, Json] | None = None,
) -> dict[str, Json]:
    """The body of a chat request with a model's settings, which the keys of `extra` come before.

    What is None in `settings`, or refused by the server, is left out.
    """
    extra = extra or {}
    tools, schema = list(request.tools), request.schema
    if adaptation.keywords:
        tools = [_strip_tool(tool, adaptation.keywords) for tool in tools]
        schema = None if schema is None else strip_keywords(schema, adaptation.keywords)
    messages: Sequence[Message] = request.messages
    if adaptation.no_tools and tools:
        messages, tools = list(offer_in_text(messages, tools)), []
    body: dict[str, Json] = {
        **settings,
        "messages": _request_messages(messages, adaptation, schema),
        "seed": request.seed,
        "stop": list(request.stop) or None,
        "tools": tools or None,
        **extra,
    }
    if "max_tokens" in settings and adaptation.token_limit not in settings:
        body[adaptation.token_limit] = body.pop("max_tokens")
    if schema and adaptation.structured != "prompt":
        form = adaptation.structured
        body["response_format"] = {"type": form}
        if form == "json_schema":
            body["response_format"]["json_schema"] = {"name": "reply", "schema": dict(schema)}
    return {
        key: value
        for key, value in body.items()
        if (value is not None or key in extra) and key not in adaptation.unsent
    }


def _request_messages(
    messages: Sequence[Message], adaptation: Adaptation, schema: Mapping[str, Json] | None
) -> list[Message]:
    if schema and adaptation.structured != "json_schema":
        words = f"{WITH_SCHEMA}\n{json.dumps(schema, ensure_ascii=False)}"
        messages = [*messages, {"role": "user", "content": words}]
        if len(messages) > 1 and messages[-2]["role"] == "user" and isinstance(messages[-2]["content"], str):
            asked = messages[-2]
            messages = [*messages[:-2], {**asked, "content": f"{asked['content']}\n\n{words}"}]
    sent = [_request_message(message) for message in messages]
    return adapt_messages(sent, adaptation) if adaptation.changes_messages else sent


def _request_message(message: Message) -> Message:
    """The message as servers take it: next to tool calls, a missing text is null and never empty."""
    return {**message, "content": message["content"] or None} if message.get("tool_calls") else message


def _strip_tool(tool: Mapping[str, Json], keywords: Collection[str]) -> dict[str, Json]:
    function = tool["function"]
    return {**tool, "function": {**function, "parameters": strip_keywords(function.get("parameters") or {}, keywords)}}


def strip_keywords(schema: Any, keywords: Collection[str]) -> Any:
    """The schema without these keywords, at any depth; names of properties are not keywords."""
    if isinstance(schema, list):
        return [strip_keywords(inner, keywords) for inner in schema]
    if not isinstance(schema, Mapping):
        return schema
    stripped: dict[str, Json] = {}
    for key, value in schema.items():
        if key in keywords:
            continue
        if key in NAMED and isinstance(value, Mapping):
            stripped[key] = {name: strip_keywords(inner, keywords) for name, inner in value.items()}
        else:
            stripped[key] = value if key in PLAIN else strip_keywords(value, keywords)
    return stripped


def schema_keywords(schema: Any) -> set[str]:
    """The keywords that a schema uses, at any depth."""
    if isinstance(schema, list):
        return set().union(*map(schema_keywords, schema))
    if not isinstance(schema, Mapping):
        return set()
    found = set(schema)
    for key, value in schema.items():
        inner = list(value.values()) if key in NAMED and isinstance(value, Mapping) else value
        found |= set() if key in PLAIN else schema_keywords(inner)
    return found


NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose keys are names and no keywords."""
PLAIN = frozenset({"default", "const", "enum", "examples", "example"})
"""Keywords whose values are data."""
