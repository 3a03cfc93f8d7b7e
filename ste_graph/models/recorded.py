"""Replies from a file, for tests and for runs that must not ask a model again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError

from ste_graph.contracts import Frozen, Message, Usage
from ste_graph.errors import ModelError
from ste_graph.models.adapter import Adapter
from ste_graph.settings import RelativePath

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


class Recorded(Frozen):
    """One line of the file. With a `key` it answers that request only, and as often as it is asked."""

    text: str
    key: str | None = None
    usage: Usage = Usage()


class RecordedModel(Adapter):
    """Replies from a JSONL file, one `{"text": …}` a line.

    Lines with a `key` (see `key_of`) answer exactly that request: right for any number of units side by side and for
    resumed runs. Lines without one are given in the file's order, each once, counted from the start of the process:
    right for one unit that is run in one go. A request that finds no line is a `ModelError`.
    """

    path: RelativePath = Field(description="The JSONL file of replies.")

    @property
    def label(self) -> str:
        return f"recorded:{Path(self.path).name}"

    @property
    def where(self) -> str:
        return self.path

    def chat(self) -> BaseChatModel:
        from ste_graph.models.playback import Playback

        lines = self._lines()
        return Playback(
            path=self.path,
            keyed={line.key: line for line in lines if line.key is not None},
            ordered=[line for line in lines if line.key is None],
        )

    async def probe(self) -> None:
        self._lines()

    def _lines(self) -> list[Recorded]:
        try:
            text = Path(self.path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{self.path}: cannot be read: {error}") from None
        lines: list[Recorded] = []
        keyed: dict[str, str] = {}
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
            if recorded.key and keyed.setdefault(recorded.key, recorded.text) != recorded.text:
                raise ModelError(f"{self.path}:{number}: a second, different reply for key {recorded.key}: keep one")
            lines.append(recorded)
        return lines


def key_of(messages: Sequence[Message], *, seed: int) -> str:
    """The key of a request: sha256 over its messages' roles and texts, and its seed, as canonical JSON."""
    said = [[message["role"], message["content"]] for message in messages]
    canonical = json.dumps([said, seed & 0x7FFFFFFF], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
