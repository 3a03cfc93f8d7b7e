"""Requests that wait at the same time, answered by a model of this process together."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ste_graph.contracts import ModelRequest
from ste_graph.errors import ModelError
from ste_graph.models.adapter import RawReply, unsupported_tools
from ste_graph.models.chat.request_errors import SHORTEN
from ste_graph.models.transformers.completion import Completer, load_completer

if TYPE_CHECKING:
    from ste_graph.models.transformers.model import TransformersModel


class BatchingClient:
    """Answers greedily, in a thread of its own; a reply ends before the first stop sequence, as a server's would."""

    def __init__(self, model: TransformersModel) -> None:
        self._model = model
        self._waiting: list[tuple[str, asyncio.Future[str]]] = []
        self._working: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "transformers")

    async def ask(self, request: ModelRequest) -> RawReply:
        if request.tools:
            raise unsupported_tools(self._model.label)
        loop = asyncio.get_running_loop()
        completer = await loop.run_in_executor(self._thread, self._load)
        prompt = completer.prompt(request.messages)
        self._check_length(completer, prompt)
        answer: asyncio.Future[str] = loop.create_future()
        self._waiting.append((prompt, answer))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        text = await answer
        for mark in request.stop:
            text = text.split(mark, 1)[0]
        return RawReply(text)

    async def close(self) -> None:
        self._thread.shutdown(wait=False)

    async def _work(self) -> None:
        """Answer all requests that wait, as many as may be at a time, until no more come."""
        await asyncio.sleep(0)  # units that are about to ask come along
        while self._waiting:
            batch, self._waiting = self._waiting[: self._model.batch], self._waiting[self._model.batch :]
            try:
                replies = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._complete, [prompt for prompt, _ in batch]
                )
            except Exception as error:
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for (_, answer), reply in zip(batch, replies, strict=True):
                if not answer.done():  # a cancelled request has no use for it
                    answer.set_result(reply)

    def _check_length(self, completer: Completer, prompt: str) -> None:
        """Raise `ModelError` where the prompt and the longest reply are longer than the model can read."""
        length = len(completer.tokenizer(prompt, verbose=False)["input_ids"])
        longest = self._model.max_tokens
        if length + longest > completer.length:
            raise ModelError(
                f"`{self._model.model}`: the prompt has {length:,} tokens and the reply may have {longest:,}"
                f" (`max_tokens`); expected {completer.length:,} together at most. {SHORTEN}"
            )

    def _load(self) -> Completer:
        return load_completer(self._model.model, threads=self._model.threads, device=self._model.device)

    def _complete(self, prompts: list[str]) -> list[str]:
        completer = self._load()
        templated = bool(completer.tokenizer.chat_template)
        return completer.complete(prompts, tokens=self._model.max_tokens, templated=templated)
