"""Servers that refuse a part of a request."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from tests.servers.chat.model import CHARACTERS_PER_TOKEN, count_tokens, message_text
from tests.servers.chat.server import Answer, Behaviour, Proceed, Request
from tests.servers.chat.wordings import STYLES, fail


def refuse(*names: str, style: str = "openai", instead: str = "") -> Behaviour:
    """Refuses each of these keys of the body, the first that it meets. `instead` is what it wants to be sent."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        for name in names:
            if name in request.body:
                hint = f"; send '{instead}' in its place" if instead else ""
                return STYLES[style](name, f"'{name}' cannot be used with this model{hint}")
        return proceed(request)

    return answer


def refuse_value(name: str, allowed: Any, style: str = "openai") -> Behaviour:
    """Refuses every value of a key but one, as reasoning models do with `temperature`."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        if request.body.get(name, allowed) != allowed:
            problem = f"'{name}' is {request.body[name]}, but this model takes no value other than {allowed} for it"
            return STYLES[style](name, problem)
        return proceed(request)

    return answer


def ignore(*names: str) -> Behaviour:
    """Takes these keys of the body and does nothing with them."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        return proceed(replace(request, body={key: value for key, value in request.body.items() if key not in names}))

    return answer


FORMAT_WORDINGS: Mapping[str, str] = {
    "unavailable": "response_format of type {type} is not available at the moment",
    "choices": "'response_format.type' is {type}; it may be one of: {allowed}",
    "mode": "this model has no structured output of the kind {type}",
    "backend": "guided decoding is off on this engine: response_format {type} was refused",
}


def refuse_format(*types: str, wording: str = "unavailable", style: str = "openai") -> Behaviour:
    """Refuses these types of `response_format`."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        kind = (request.body.get("response_format") or {}).get("type")
        if kind in types:
            allowed = ", ".join(f"'{other}'" for other in ("json_schema", "json_object", "text") if other not in types)
            problem = FORMAT_WORDINGS[wording].format(type=kind, allowed=allowed)
            return STYLES[style]("response_format", problem)
        return proceed(request)

    return answer


GRAMMAR_WORDINGS: Mapping[str, str] = {
    "grammar": "the grammar could not be parsed: near root ::= unexpected escape",
    "context": "schema of 'reply' is invalid: in context=('properties', 'x'), '{keyword}' may not be used",
    "features": "the JSON schema has features that the grammar backend does not know: {keyword}",
    "field": "unknown name \"{keyword}\" at 'tools[0].function_declarations[0].parameters.properties[0].value'",
}


def fail_grammar(*keywords: str, wording: str = "grammar", status: int = 400) -> Behaviour:
    """Fails where a schema, of the reply or of a tool, has one of these keywords (`pattern`, `format`, …)."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        schemas = [tool["function"].get("parameters") for tool in request.body.get("tools", ())]
        schemas += [(request.body.get("response_format") or {}).get("json_schema")]
        for keyword in keywords:
            if any(_has_keyword(schema, keyword) for schema in schemas):
                return fail(GRAMMAR_WORDINGS[wording].format(keyword=keyword), status)
        return proceed(request)

    return answer


def _has_keyword(schema: Any, keyword: str) -> bool:
    if isinstance(schema, list):
        return any(_has_keyword(inner, keyword) for inner in schema)
    if not isinstance(schema, dict):
        return False
    names = schema.get("properties", {}) if isinstance(schema.get("properties"), dict) else {}
    inner = [value for key, value in schema.items() if key != "properties"] + list(names.values())
    return keyword in schema or any(_has_keyword(part, keyword) for part in inner)


ROLE_WORDINGS: Mapping[str, str] = {
    "alternate": "the template failed: roles of a conversation have to alternate user/assistant/user/assistant/…",
    "after tool": "after a message of role tool an assistant turn is expected, not user",
    "jinja": "while executing CallExpression at line 7: raise_exception: turns must take turns",
}


def refuse_roles(
    kind: Literal["neighbours", "system", "user after tool", "system later"], status: int = 400
) -> Behaviour:
    """Refuses an order of roles, as chat templates do."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        roles = [message["role"] for message in request.body.get("messages", ())]
        pairs = list(itertools.pairwise(roles))
        match kind:
            case "neighbours" if any(a == b and a in ("user", "assistant") for a, b in pairs):
                return fail(ROLE_WORDINGS["alternate"], status)
            case "system" if "system" in roles:
                return fail("the template failed: there is no role named system", status)
            case "system later" if "system" in roles[1:]:
                return fail("a system message has to come first", status)
            case "user after tool" if ("tool", "user") in pairs:
                return fail(ROLE_WORDINGS["after tool"], status)
        return proceed(request)

    return answer


def refuse_long_ids(length: int = 9) -> Behaviour:
    """Refuses ids of tool calls that are not so many letters and digits."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        for id in _call_ids(request.body.get("messages", ())):
            if not re.fullmatch(rf"[A-Za-z0-9]{{{length}}}", id):
                return fail(f"the id of a tool call was {id}, but has to be {length} characters of a-z, A-Z, 0-9", 400)
        return proceed(request)

    return answer


def _call_ids(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    made = [call["id"] for message in messages for call in message.get("tool_calls") or ()]
    return made + [message["tool_call_id"] for message in messages if message["role"] == "tool"]


def refuse_tools(wording: str = "this model does not support tools") -> Behaviour:
    """Refuses requests that offer tools."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        return fail(wording, 400) if request.body.get("tools") else proceed(request)

    return answer


def limit_context(tokens: int, how: Literal["refuse", "cut"] = "refuse", wording: str = "") -> Behaviour:
    """Reads so many tokens: refuses longer prompts, or cuts them at their beginning and says nothing."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        long = request.is_chat and count_tokens(request.body) > tokens
        if not long:
            return proceed(request)
        if how == "refuse":
            problem = wording or "the prompt has {sent} tokens, and the context window of this model is {tokens} tokens"
            return fail(problem.format(sent=count_tokens(request.body), tokens=tokens), 400)
        return proceed(replace(request, body={**request.body, "messages": _cut(request.body["messages"], tokens)}))

    return answer


def _cut(messages: Sequence[Mapping[str, Any]], tokens: int) -> list[dict[str, Any]]:
    """The end of a conversation: older messages go first, and then the beginning of the last one."""
    kept: list[dict[str, Any]] = []
    room = tokens * CHARACTERS_PER_TOKEN - 16
    for message in reversed(messages):
        text = message_text(message)
        if len(text) + 8 > room:
            return [{**message, "content": text[-room:]}, *kept] if room > 0 and not kept else kept
        kept.insert(0, dict(message))
        room -= len(text) + 8
    return kept


def refuse_model(wording: str = "no model is called {model}", status: int = 404) -> Behaviour:
    """Refuses names of models that it does not serve."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        if request.is_chat and request.body.get("model") != request.server.model:
            return fail(wording.format(model=request.body.get("model")), status)
        return proceed(request)

    return answer


def refuse_key(status: int = 401, wording: str = "the key is not valid") -> Behaviour:
    """Refuses every key, at every address."""
    return lambda request, proceed: fail(wording, status)


def refuse_lone_surrogates() -> Behaviour:
    """Refuses text that is no Unicode, as every server does whose JSON is strict."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        try:
            json.dumps(request.body, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return fail("the body is no UTF-8: a surrogate stands alone", 400)
        return proceed(request)

    return answer
