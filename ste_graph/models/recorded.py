"""Replies from a file, for tests and for runs that must not ask a model again."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, PrivateAttr, ValidationError

from ste_graph.contracts import Frozen, Json, Message, ModelRequest, ToolCall, Usage
from ste_graph.errors import ModelError
from ste_graph.json_values import digest
from ste_graph.models.adapter import Adapter
from ste_graph.settings import RelativePath

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


LINE = "recorded_line"
"""Under which name a message's metadata holds the line that it was, if that is given once in a run."""


class Recorded(Frozen):
    """One line of the file. With a `key` it answers that request only, and as often as it is asked.

    `model` is the label of the model that gave the reply, `error` why there was none; both come from cassettes.
    """

    text: str
    key: str | None = None
    usage: Usage = Usage()
    tool_calls: tuple[ToolCall, ...] = ()
    data: Json = None
    model: str | None = None
    error: str | None = None


class RecordedModel(Adapter):
    """Replies from a JSONL file, one `{"text": …}` a line.

    Lines with a `key` (see `request_key`) answer exactly that request: right for any number of units side by side; a
    cassette's `models.jsonl` is such a file, and `of` may name one model in it. Lines without a key are given in the
    file's order, each once in a run: right for one unit, as of several side by side whoever asks first gets the next
    one. A run that is taken up goes on with the lines that no finished step has had. A request that finds no line is a
    `ModelError`.
    """

    path: RelativePath = Field(description="The JSONL file of replies.")
    of: str | None = Field(None, description="Take only replies of the model with this label; unset: all.")

    _had: frozenset[int] = PrivateAttr(default=frozenset())

    @property
    def label(self) -> str:
        return f"recorded:{Path(self.path).name}"

    @property
    def where(self) -> str:
        return self.path

    def beyond(self, lines: AbstractSet[int]) -> Self:
        resumed = self.model_copy()
        resumed._had = frozenset(lines)
        return resumed

    def chat(self) -> BaseChatModel:
        from ste_graph.models.playback import Playback

        lines = self._lines()
        return Playback(
            path=self.path,
            keyed={recorded.key: recorded for recorded in lines.values() if recorded.key is not None},
            ordered=[
                (number, recorded)
                for number, recorded in lines.items()
                if recorded.key is None and number not in self._had
            ],
        )

    async def probe(self) -> str | None:
        self._lines()
        return None

    def _lines(self) -> dict[int, Recorded]:
        """The replies by their line, counted from 1."""
        try:
            text = Path(self.path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{self.path}: cannot be read: {error}") from None
        lines: dict[int, Recorded] = {}
        keyed: dict[str, Recorded] = {}
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.strip():
                continue
            try:
                recorded = Recorded.model_validate_json(line)
            except ValidationError as error:
                first = error.errors()[0]
                place = ".".join(map(str, first["loc"])) or "the line"
                raise ModelError(
                    f"{self.path}:{number}: {place}: {first['msg']};"
                    ' expected {"text": …}, with "key" and "usage" beside it where known'
                ) from None
            if self.of is not None and recorded.model != self.of:
                continue
            if recorded.key:
                other = keyed.setdefault(recorded.key, recorded)
                if other.model != recorded.model:
                    raise ModelError(
                        f"{self.path}:{number}: a second, different reply for key {recorded.key}, by "
                        f"`{recorded.model}` and not `{other.model}`: say whose to take with `of`"
                    )
                # A cassette's later line stands for the same request, asked again; a file written by hand is wrong.
                if recorded.model is None and other.text != recorded.text:
                    raise ModelError(
                        f"{self.path}:{number}: a second, different reply for key {recorded.key}: keep one"
                    )
            lines[number] = recorded
        return lines


def request_key(request: ModelRequest) -> str:
    """The key of a request: sha256 over its messages' roles and texts, and its seed, as canonical JSON.

    Tool calls within the messages, and what may be replied besides words, count where there are any.
    """
    messages = [[message["role"], message["content"] or "", *_calls_in(message)] for message in request.messages]
    extra = [{"schema": request.schema, "tools": list(request.tools)}] if request.schema or request.tools else []
    return digest([messages, request.seed & 0x7FFFFFFF, *extra], length=64)


def _calls_in(message: Message) -> list[Json]:
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
