"""A model that gives the replies of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from ste_graph.contracts import ModelRequest
from ste_graph.errors import ModelError, WorkflowError
from ste_graph.models.adapter import Adapter, RawReply
from ste_graph.models.recorded.recording import RecordedReply, read_recording, request_key
from ste_graph.settings import RelativePath


class RecordedModel(Adapter):
    """Replies from a JSONL file, one `{"text": …}` a line.

    Lines with a `key` (see `request_key`) answer exactly that request: right for any number of units side by side; a
    cassette's `models.jsonl` is such a file, and `of` may name one model in it. Lines without a key are given in the
    file's order, each once in a run: right for one unit, as several side by side take them as they ask; and only in one
    go, as a run that is taken up cannot tell where it was. A request that finds no line is a `ModelError`.
    """

    sampling: ClassVar[bool] = False

    path: RelativePath = Field(description="The JSONL file of replies.")
    of: str | None = Field(None, description="Take only replies of the model with this label; unset: all.")

    @property
    def label(self) -> str:
        return f"recorded:{Path(self.path).name}"

    @property
    def location(self) -> str:
        return self.path

    def check_resumable(self) -> None:
        if any(reply.key is None for reply in read_recording(self.path, label=self.of)):
            raise WorkflowError(
                f"{self.path}: lines without a key cannot continue a run, as they are given in order from the first:"
                " start a new run, or replay a cassette's models.jsonl, whose lines have keys"
            )

    def open_client(self) -> RecordedClient:
        return RecordedClient(self.path, read_recording(self.path, label=self.of))

    async def probe(self) -> str | None:
        read_recording(self.path, label=self.of)
        return None


class RecordedClient:
    """Gives recorded replies: by key where a line has the request's, else the next line without a key."""

    def __init__(self, path: str, replies: Sequence[RecordedReply]) -> None:
        self._path = path
        self._keyed = {reply.key: reply for reply in replies if reply.key is not None}
        self._ordered = iter([reply for reply in replies if reply.key is None])

    async def ask(self, request: ModelRequest) -> RawReply:
        reply = self._find(request_key(request))
        if reply.error is not None:
            raise ModelError(reply.error)
        return RawReply(
            reply.text,
            tool_calls=reply.tool_calls,
            data=reply.data,
            usage=reply.usage,
            reasoning=reply.reasoning,
            finish_reason=reply.finish_reason,
            problem=reply.problem,
        )

    async def close(self) -> None:
        """Do nothing: the file was read at the start."""

    def _find(self, key: str) -> RecordedReply:
        """The reply to the request with this key."""
        if key in self._keyed:
            return self._keyed[key]
        following = next(self._ordered, None)
        if following is not None:
            return following
        if not self._keyed:
            raise ModelError(f"{self._path}: all its replies are given: add more, or lower the bounds")
        raise ModelError(f"{self._path}: no reply for this request, key {key}: record the run anew")
