"""A model for tests: deterministic, logs its prompts, and fails or waits where its settings say so."""

import asyncio
import json
from hashlib import sha256
from pathlib import Path

from ste_graph.contracts import ModelRequest, Usage
from ste_graph.errors import ModelError
from ste_graph.models.adapter import Adapter, RawReply
from ste_graph.settings import RelativePath, Secret


class Answering(Adapter):
    """Replies `said HASH`, where the hash is of the whole prompt.

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

    def open_client(self) -> "Answering":
        return self

    async def ask(self, request: ModelRequest) -> RawReply:
        prompt = json.dumps(list(request.messages))
        if self.heard:
            with Path(self.heard).open("a", encoding="utf-8") as heard:
                heard.write(prompt + "\n")
        await asyncio.sleep(self.seconds)
        if self.fails_on and self.fails_on in prompt and Path(self.broken or __file__).exists():
            raise ModelError("out of order")
        return RawReply(f"said {sha256(prompt.encode()).hexdigest()[:8]}", usage=Usage(prompt_tokens=self.tokens))

    async def close(self) -> None: ...
