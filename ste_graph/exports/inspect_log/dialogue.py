"""The dialogue of a trial or a reply as chat messages: what was said, each call with its result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageSystem, ChatMessageTool, ChatMessageUser
from inspect_ai.tool import ToolCall, ToolCallError

from ste_graph.contracts import Json
from ste_graph.ids import derive_id
from ste_graph.run.logs.logged_step import LoggedStep

ErrorType = Literal["parsing", "timeout", "permission", "cancelled", "unknown"]

_ERROR_TYPES: Final[Mapping[str, ErrorType]] = {
    "malformed": "parsing",
    "invalid_arguments": "parsing",
    "timeout": "timeout",
    "refused": "permission",
    "interrupted": "cancelled",
}
"""inspect's word for the kind of a failed call; `unknown` for the others."""


@dataclass
class Dialogue:
    """The messages of a record as they grow, step by step.

    What a model was sent as a text that begins with the result of its call becomes that call's tool message, as
    inspect shows it; `metadata` of the message says in which role it was sent.
    """

    record: str
    """The id of the record."""
    messages: list[ChatMessage] = field(default_factory=list)
    _open: ToolCall | None = None
    """The last call that has no result yet."""
    _result: Mapping[str, Json] | None = None
    """The observation of the open call."""

    def add_step(self, step: LoggedStep, label: str | None) -> None:
        """Add the messages of a step; `label` is that of the model that it asked."""
        call = _call_of(step.outputs.get("action"), step.outputs.get("arguments"))  # where a node says how it was read
        last = max((n for n, message in enumerate(step.messages) if message.get("role") == "assistant"), default=-1)
        for number, message in enumerate(step.messages):
            self._add(message, label, call if number == last else None)
        if call is not None and last < 0:
            self._say("", label, call)
        seen = step.outputs.get("observation")
        if isinstance(seen, Mapping) and "text" in seen:
            self._result = seen

    def add_turns(self, line: Mapping[str, Json], label: str | None) -> None:
        """Add the dialogue that the record itself holds, where no step logged any."""
        self.messages.append(ChatMessageUser(content=str(line["query"]), id=self._next_id()))
        for step in line.get("steps") or ():
            call = _call_of(step.get("action"), step.get("arguments"))
            self._say(str(step.get("reply") or step.get("thought") or ""), label, call)
            self._result = step.get("observation")
            self.finish()
        if line.get("answer") is not None:
            self._say(str(line["answer"]), label, None)

    def add_reply(self, line: Mapping[str, Json], label: str | None) -> None:
        """Add the request and the reply of a case of a test."""
        self.messages.append(ChatMessageUser(content=str(line["query"]), id=self._next_id()))
        if line.get("output") is not None:
            self._say(str(line["output"]), label, _call_of(line.get("called"), line.get("arguments")))
            self._open = None

    def finish(self) -> None:
        """Add the result that no model was sent any more."""
        if self._result is not None and self._open is not None:
            self._add_result(str(self._result["text"]), {"sent": False})

    @property
    def last_reply(self) -> ChatMessageAssistant | None:
        """The last message of a model."""
        return next((each for each in reversed(self.messages) if isinstance(each, ChatMessageAssistant)), None)

    def _add(self, message: Mapping[str, Json], label: str | None, call: ToolCall | None) -> None:
        content = _text(message.get("content"))
        match message.get("role"):
            case "assistant":
                native = [_native_call(each) for each in message.get("tool_calls") or ()]
                self._say(content, label, call, native)
            case "tool":
                self._add_result(content, {"sent_as": "tool"}, id=str(message.get("tool_call_id") or ""))
            case "system":
                self.messages.append(ChatMessageSystem(content=content, id=self._next_id()))
            case _ if self._result is not None and self._open is not None and str(self._result["text"]) in content:
                self._add_result(content, {"sent_as": "user"})
            case _:
                self.messages.append(ChatMessageUser(content=content, id=self._next_id()))

    def _say(
        self, content: str, label: str | None, call: ToolCall | None, native: Sequence[ToolCall] | None = None
    ) -> None:
        calls = list(native or ([] if call is None else [call]))
        for number, each in enumerate(calls):
            each.id = each.id or derive_id(self.record, len(self.messages), number)
        self.messages.append(
            ChatMessageAssistant(content=content, model=label, tool_calls=calls or None, id=self._next_id())
        )
        self._open, self._result = (calls[-1] if calls else None), None

    def _add_result(self, content: str, metadata: dict[str, Json], *, id: str = "") -> None:
        seen, call = self._result or {}, self._open
        self.messages.append(
            ChatMessageTool(
                content=content,
                tool_call_id=id or (call.id if call else None),
                function=call.function if call else None,
                error=None if seen.get("ok", True) else tool_error(seen),
                metadata=metadata,
                id=self._next_id(),
            )
        )
        self._open = self._result = None

    def _next_id(self) -> str:
        return derive_id(self.record, "message", len(self.messages))


def tool_error(seen: Mapping[str, Json]) -> ToolCallError:
    """The error of an observation that is not `ok`."""
    kind = str(seen.get("kind"))
    return ToolCallError(type=_ERROR_TYPES.get(kind, "unknown"), message=f"{kind}: {seen.get('text', '')}")


def _call_of(name: Json, arguments: Json) -> ToolCall | None:
    if not isinstance(name, str):
        return None
    return ToolCall(id="", function=name, arguments=dict(arguments) if isinstance(arguments, Mapping) else {})


def _native_call(call: Mapping[str, Json]) -> ToolCall:
    function = call.get("function") or {}
    written = str(function.get("arguments") or "{}")
    try:
        arguments, problem = json.loads(written), None
    except ValueError as error:
        arguments, problem = None, str(error)
    if not isinstance(arguments, dict):
        arguments, problem = {"(as written)": written}, problem or "not a JSON object"
    return ToolCall(
        id=str(call.get("id") or ""), function=str(function.get("name")), arguments=arguments, parse_error=problem
    )


def _text(content: Json) -> str:
    return content if isinstance(content, str) else "" if content is None else json.dumps(content, ensure_ascii=False)
