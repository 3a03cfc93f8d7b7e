"""A file of recorded replies: what one line holds, and which request it answers."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from ste_graph.contracts import Frozen, Json, Message, ModelRequest, ToolCall, Usage
from ste_graph.errors import ModelError, WorkflowError
from ste_graph.files.document import read_values
from ste_graph.json_values import digest


class RecordedReply(Frozen):
    """One line of the file. With a `key` it answers that request only, and as often as it is asked.

    `model` is the label of the model that was asked, `by` the name of the one that replied in its place, and `error`
    why there was no reply; all come from cassettes.
    """

    text: str
    key: str | None = None
    usage: Usage = Usage()
    tool_calls: tuple[ToolCall, ...] = ()
    data: Json = None
    reasoning: str = ""
    finish_reason: str | None = None
    problem: str = ""
    model: str | None = None
    by: str = ""
    error: str | None = None


def read_recording(path: str, *, label: str | None = None) -> list[RecordedReply]:
    """Read the replies of a file, in order; with `label` only those of the model of that label.

    Raises `ModelError` where it cannot be read.
    """
    try:
        lines = read_values(Path(path))
    except WorkflowError as error:
        raise ModelError(str(error)) from None
    replies: list[RecordedReply] = []
    keyed: dict[str, RecordedReply] = {}
    for number, line in lines:
        try:
            reply = RecordedReply.model_validate(line)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the line"
            raise ModelError(
                f'{path}:{number}: {place}: {first["msg"]}; expected {{"text": …}}, with "key" and "usage" where known'
            ) from None
        if label is not None and reply.model != label:
            continue
        if reply.key:
            other = keyed.setdefault(reply.key, reply)
            second = f"{path}:{number}: a second, different reply for key {reply.key}"
            if other.model != reply.model:
                raise ModelError(f"{second}, by `{reply.model}` and not `{other.model}`: say whose to take with `of`")
            # A cassette's later line is for the same request, asked again; a file written by hand is wrong.
            if reply.model is None and other.text != reply.text:
                raise ModelError(f"{second}: keep one")
        replies.append(reply)
    return replies


def request_key(request: ModelRequest) -> str:
    """The key of a request: sha256 over its messages' roles and texts, and its seed, as canonical JSON.

    Tool calls within the messages, and what may be replied besides words, count where there are any.
    """
    messages = [[message["role"], message["content"] or "", *_calls(message)] for message in request.messages]
    extra = [{"schema": request.schema, "tools": list(request.tools)}] if request.schema or request.tools else []
    return digest([messages, request.seed & 0x7FFFFFFF, *extra], length=64)


def _calls(message: Message) -> list[Json]:
    """The tool calls that a message makes or answers; how their arguments are written in JSON does not count."""
    calls = [
        [call["id"], call["function"]["name"], _read(call["function"]["arguments"])]
        for call in message.get("tool_calls") or ()
    ]
    return [*([calls] if calls else []), *([message["tool_call_id"]] if "tool_call_id" in message else [])]


def _read(arguments: Json) -> Json:
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return arguments
