"""Requests that wait at the same time, answered by a model of this process together."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, convert_to_openai_messages
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr

from ste_graph.errors import ModelError
from ste_graph.models.faults import TOO_LONG

if TYPE_CHECKING:
    from ste_graph.models.completion import Completer


class BatchedChat(BaseChatModel):
    """Answers greedily, in a thread of its own; a reply ends before the first stop sequence, as a server's would."""

    model: str
    tokens: int
    together: int
    threads: int
    device: str

    _waiting: list[tuple[str, asyncio.Future[str]]] = PrivateAttr(default_factory=list)
    _busy: asyncio.Task[None] | None = PrivateAttr(default=None)
    _thread: ThreadPoolExecutor = PrivateAttr(default_factory=lambda: ThreadPoolExecutor(1, "transformers"))

    @property
    def _llm_type(self) -> str:
        return "transformers"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        completer = self._completer()
        prompt = completer.prompt(_plain(messages))
        self._must_fit(completer, prompt)
        return _result(self._replies([prompt])[0], stop)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        loop = asyncio.get_running_loop()
        completer = await loop.run_in_executor(self._thread, self._completer)
        prompt = completer.prompt(_plain(messages))
        self._must_fit(completer, prompt)
        answer: asyncio.Future[str] = loop.create_future()
        self._waiting.append((prompt, answer))
        if self._busy is None or self._busy.done():
            self._busy = asyncio.create_task(self._work())
        return _result(await answer, stop)

    async def _work(self) -> None:
        """Answer whoever waits, as many as may be at a time, until nobody does."""
        await asyncio.sleep(0)  # units that are about to ask come along
        while self._waiting:
            now, self._waiting = self._waiting[: self.together], self._waiting[self.together :]
            try:
                replies = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._replies, [prompt for prompt, _ in now]
                )
            except Exception as fault:
                for _, answer in now:
                    if not answer.done():
                        answer.set_exception(fault)
                continue
            for (_, answer), reply in zip(now, replies, strict=True):
                if not answer.done():  # a cancelled request has no use for it
                    answer.set_result(reply)

    def _must_fit(self, completer: Completer, prompt: str) -> None:
        """Raise `ModelError` where the prompt and the longest reply are longer than the model can read."""
        length = len(completer.tokenizer(prompt, verbose=False)["input_ids"])
        if length + self.tokens > completer.length:
            raise ModelError(
                f"`{self.model}`: the prompt has {length:,} tokens and the reply may have {self.tokens:,}"
                f" (`max_tokens`); expected {completer.length:,} together at most. {TOO_LONG}"
            )

    def _completer(self) -> Completer:
        from ste_graph.models.completion import completer

        return completer(self.model, threads=self.threads, device=self.device)

    def _replies(self, prompts: list[str]) -> list[str]:
        made = self._completer()
        return made.complete(prompts, tokens=self.tokens, templated=bool(made.tokenizer.chat_template))


def _plain(messages: list[BaseMessage]) -> list[dict[str, Any]]:
    plain = convert_to_openai_messages(messages)
    return plain if isinstance(plain, list) else [plain]


def _result(text: str, stop: list[str] | None) -> ChatResult:
    for mark in stop or ():
        text = text.split(mark, 1)[0]
    return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])
