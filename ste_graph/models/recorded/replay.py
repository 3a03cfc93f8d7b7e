"""A model that gives the replies of a recording."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Self

from pydantic import Field, PrivateAttr

from ste_graph.contracts import ModelRequest
from ste_graph.errors import ModelError
from ste_graph.models.adapter import Adapter, RawReply
from ste_graph.models.recorded.recording import RecordedReply, read_recording, request_key
from ste_graph.settings import RelativePath


class RecordedModel(Adapter):
    """Replies from a JSONL file, one `{"text": …}` a line.

    Lines with a `key` (see `request_key`) answer exactly that request: right for any number of units side by side; a
    cassette's `models.jsonl` is such a file, and `of` may name one model in it. Lines without a key are given in the
    file's order, each once in a run: right for one unit, as several side by side take them as they ask. A run that is
    taken up goes on with the lines that no finished step has had. A request that finds no line is a `ModelError`.
    """

    path: RelativePath = Field(description="The JSONL file of replies.")
    of: str | None = Field(None, description="Take only replies of the model with this label; unset: all.")

    _used: frozenset[int] = PrivateAttr(default=frozenset())

    @property
    def label(self) -> str:
        return f"recorded:{Path(self.path).name}"

    @property
    def location(self) -> str:
        return self.path

    def skip_lines(self, lines: AbstractSet[int]) -> Self:
        resumed = self.model_copy()
        resumed._used = frozenset(lines)
        return resumed

    def open_client(self) -> RecordedClient:
        return RecordedClient(self.path, read_recording(self.path, label=self.of), self._used)

    async def probe(self) -> str | None:
        read_recording(self.path, label=self.of)
        return None


class RecordedClient:
    """Gives recorded replies: by key where a line has the request's, else the next line without a key."""

    def __init__(self, path: str, replies: dict[int, RecordedReply], used: AbstractSet[int]) -> None:
        self._path = path
        self._keyed = {reply.key: reply for reply in replies.values() if reply.key is not None}
        self._ordered = iter(
            [(line, reply) for line, reply in replies.items() if reply.key is None and line not in used]
        )

    async def ask(self, request: ModelRequest) -> RawReply:
        line, reply = self._find(request_key(request))
        if reply.error is not None:
            raise ModelError(reply.error)
        return RawReply(reply.text, tool_calls=reply.tool_calls, data=reply.data, usage=reply.usage, line=line)

    async def close(self) -> None:
        """Do nothing: the file was read at the start."""

    def _find(self, key: str) -> tuple[int | None, RecordedReply]:
        """The reply to the request with this key, and its line where that is given once."""
        if key in self._keyed:
            return None, self._keyed[key]
        following = next(self._ordered, None)
        if following is not None:
            return following
        if not self._keyed:
            raise ModelError(f"{self._path}: all its replies are given: add more, or lower the bounds")
        raise ModelError(f"{self._path}: no reply for this request, key {key}: record the run anew")
