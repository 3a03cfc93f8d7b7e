"""The model behind the fake server: a policy that plays a well-meaning model, so that a workflow can run on it.

It knows the text protocol (and runs on into an observation of its own where no stop string ends it), the server's tool
calls, structured output, and what it is told to repeat.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

CHARACTERS_PER_TOKEN = 4
OPENINGS = ("Could you say", "I would like to know", "Please tell me", "For a school project:", "Quick question:")
SUBJECTS = ("the ferry", "my savings", "a recipe for twelve", "the hall", "this parcel", "a long weekend", "two walls")


def complete(body: Mapping[str, Any], context: int) -> dict[str, Any]:
    """The answer to a chat request, as a server of the OpenAI protocol gives it."""
    message, finish = _message(body)
    prompt = count_tokens(body)
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or context
    text = message.get("content") or ""
    for stop in _list(body.get("stop")):
        text = text.partition(stop)[0]
    if len(text) > limit * CHARACTERS_PER_TOKEN:
        text, finish = text[: limit * CHARACTERS_PER_TOKEN], "length"
    if message.get("content") is not None:
        message["content"] = text
    completion = max(1, len(text) // CHARACTERS_PER_TOKEN)
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return {"id": "chat-1", "object": "chat.completion", "created": 0, "model": body.get("model"),
            "choices": [{"index": 0, "finish_reason": finish, "message": message}], "usage": usage}  # fmt: skip


def count_tokens(body: Mapping[str, Any]) -> int:
    """The length of a prompt in tokens."""
    length = sum(len(message_text(message)) + 8 for message in body["messages"]) + len(
        json.dumps(body.get("tools", ""))
    )
    return max(1, length // CHARACTERS_PER_TOKEN)


def message_text(message: Mapping[str, Any]) -> str:
    """The text of a message, whose content may be null or a list of parts."""
    content = message.get("content")
    return "".join(part["text"] for part in content) if isinstance(content, list) else content or ""


def fill(schema: Mapping[str, Any], rng: random.Random) -> Any:
    """A value of a JSON schema, for the keywords that tools use."""
    for choices in ("anyOf", "oneOf", "allOf"):
        if choices in schema:
            return fill(rng.choice(schema[choices]), rng)
    for known in ("const", "default"):
        if known in schema:
            return schema[known]
    for several in ("enum", "examples"):
        if schema.get(several):
            return rng.choice(schema[several])
    match schema.get("type"):
        case "object":
            needed = schema.get("required", ())
            return {name: fill(inner, rng) for name, inner in schema.get("properties", {}).items() if name in needed}
        case "array":
            return [fill(schema.get("items", {}), rng) for _ in range(max(1, schema.get("minItems", 1)))]
        case "integer" | "number":
            low = int(schema.get("minimum", 1))
            return rng.randint(low, int(schema.get("maximum", low + 50)))
        case "boolean":
            return rng.random() < 0.5
        case "null":
            return None
        case _:
            return f"value {rng.randint(1, 99)}"


def _message(body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    messages: Sequence[Mapping[str, Any]] = body["messages"]
    last, said = message_text(messages[-1]), "\n".join(map(message_text, messages))
    # At temperature 0 the seed does not matter; where there is none, each reply is another one.
    key = (body.get("seed", random.random()) if body.get("temperature") != 0 else "", said)
    rng = random.Random(json.dumps(key))
    observed = messages[-1]["role"] == "tool" or last.startswith("Observation:")
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        schema = form["json_schema"]["schema"]
        return _text(json.dumps(fill(schema, rng))), "stop"
    if body.get("tools") and not observed:
        function = rng.choice(body["tools"])["function"]
        arguments = json.dumps(fill(function["parameters"], rng))
        call = {"name": function["name"], "arguments": arguments}
        id = f"call_{rng.getrandbits(32):08x}"
        return _text(None) | {"tool_calls": [{"id": id, "type": "function", "function": call}]}, "tool_calls"
    if shown := re.findall(r'^\{.*"properties".*\}$', last, re.MULTILINE):
        return _text(json.dumps(fill(json.loads(shown[-1]), rng))), "stop"
    if form.get("type") == "json_object":
        return _text(json.dumps({"answer": "done"} if observed else {"reply": "yes", "number": 4})), "stop"
    if asked := re.search(r"(?:code ?word|secret word|password)\W+(?:is\W+)?([\w-]+)", said, re.IGNORECASE):
        return _text(f"The word is {asked[1]}."), "stop"
    if '"Yes" or "No"' in last:
        return _text("Yes"), "stop"
    if observed:
        return _text("Thought: that settles it\nFinal Answer: it is as the tool says"), "stop"
    if (name := re.findall(r"^Action: (\S+)$", last, re.MULTILINE)) and "Action Input:" in last:
        schemas = re.findall(r"^Parameters \(JSON Schema\): (\{.*\})$", said, re.MULTILINE)
        arguments = json.dumps(fill(json.loads(schemas[-1]), rng) if schemas else {})
        step = (
            f"Thought: the tool can settle this\nAction: {name[-1]}\nAction Input: {arguments}\nObservation: I guess so"
        )
        return _text(step), "stop"
    if words := re.search(r'(?:reply|answer|write|say)[^"\n]*"([^"\n]+)"', last, re.IGNORECASE):
        return _text(words[1]), "stop"
    if counted := re.search(r"count (?:from 1 |from one )?(?:up )?to (\d+)", last, re.IGNORECASE):
        return _text(" ".join(map(str, range(1, int(counted[1]) + 1)))), "stop"
    if re.search(r"\blong (story|text)\b", last):
        return _text(" ".join(rng.choice(SUBJECTS) for _ in range(200))), "stop"
    return _text(f"{rng.choice(OPENINGS)} how {rng.choice(SUBJECTS)} comes to {rng.randint(2, 9999)}?"), "stop"


def _text(content: str | None) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def _list(stop: str | list[str] | None) -> list[str]:
    return [stop] if isinstance(stop, str) else stop or []
