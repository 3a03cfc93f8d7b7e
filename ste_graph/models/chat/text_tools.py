"""Tool calling in words, for a server that takes no tools: what they are in the prompt, calls and results as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from ste_graph.contracts import Json, Message

OFFER = (
    "You can call these tools, one JSON object each. A reply that calls one is a JSON object and nothing else, with the"
    " keys `name` (that of the tool) and `arguments` (an object):"
)


def offer_in_text(messages: Sequence[Message], tools: Sequence[Mapping[str, Json]]) -> Iterator[Message]:
    """The conversation, opened by what the tools are, with neither tool calls nor tool messages."""
    listed = "\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in tools)
    offer = f"{OFFER}\n{listed}"
    if messages and messages[0]["role"] == "system":
        yield {"role": "system", "content": f"{messages[0]['content']}\n\n{offer}"}
        messages = messages[1:]
    else:
        yield {"role": "system", "content": offer}
    for message in messages:
        if message["role"] == "tool":
            yield {"role": "user", "content": f"The tool returned: {message['content']}"}
        elif message.get("tool_calls"):
            calls = [json.dumps(_call(call["function"]), ensure_ascii=False) for call in message["tool_calls"]]
            yield {"role": "assistant", "content": "\n".join(filter(None, (message["content"], *calls)))}
        else:
            yield message


def _call(function: Mapping[str, Json]) -> dict[str, Json]:
    return {"name": function["name"], "arguments": json.loads(function["arguments"])}
