"""A model for tests: deterministic, writes down what it was told, and fails or dawdles where it is told to."""

import asyncio
import json
from hashlib import sha256
from pathlib import Path

from langchain_core.messages import AIMessage

from ste_graph.contracts import ModelRequest
from ste_graph.errors import ModelError
from ste_graph.models.adapter import Adapter
from ste_graph.settings import RelativePath, Secret


class Answering(Adapter):
    """Replies `said HASH`, where the hash is of all that it was told.

    It raises on a prompt that contains `fails_on` as long as the file `broken` is there, and writes each prompt to
    `heard`.
    """

    fails_on: str | None = None
    broken: RelativePath | None = None
    heard: RelativePath | None = None
    tokens: int = 0
    seconds: float = 0.0
    api_key: Secret | None = None

    @property
    def label(self) -> str:
        return "answering"

    def chat(self) -> None:
        return None

    async def ask(self, chat: None, request: ModelRequest) -> AIMessage:
        told = json.dumps(list(request.messages))
        if self.heard:
            with Path(self.heard).open("a", encoding="utf-8") as heard:
                heard.write(told + "\n")
        await asyncio.sleep(self.seconds)
        if self.fails_on and self.fails_on in told and Path(self.broken or __file__).exists():
            raise ModelError("out of order")
        usage = {"input_tokens": self.tokens, "output_tokens": 0, "total_tokens": self.tokens}
        return AIMessage(f"said {sha256(told.encode()).hexdigest()[:8]}", usage_metadata=usage)
