"""The one way to a model: retry, requests in flight, budget and counting stand here and nowhere else."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ste_graph.contracts import Json, ModelRequest, Reply, Usage
from ste_graph.errors import ModelError, NoReplyError
from ste_graph.models.adapter import Adapter
from ste_graph.models.faults import EmptyReplyError, fault_of, passing, retry_after
from ste_graph.models.meter import Meter
from ste_graph.models.native import misread, tool_calls_of
from ste_graph.models.reasoning import spoken
from ste_graph.models.recorded import LINE

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

TRIES = 6
LONGEST_RETRY_AFTER_S = 120.0
"""A server that asks for more is waited for so long only: the tries run out, and the run can be taken up later."""


class Gateway:
    """A `Model` (see contracts) around an adapter. `in_flight` and `meter` are shared by all models of a run.

    Retried: lost connection, timeout, 408, 409, 429, 5xx, empty reply. Any other text is the model's reply.
    `wait_s` is the first and the longest wait between tries, in seconds; they double in between, with jitter.
    """

    def __init__(
        self,
        adapter: Adapter,
        *,
        in_flight: asyncio.Semaphore,
        meter: Meter,
        wait_s: tuple[float, float] = (1.0, 30.0),
    ) -> None:
        self.adapter = adapter
        self.meter = meter
        self.wait_s = wait_s
        self._in_flight = in_flight
        self._chat: BaseChatModel | None = None

    @property
    def label(self) -> str:
        return self.adapter.label

    async def reply(self, request: ModelRequest) -> Reply:
        with self.meter.model_call():
            try:
                message, unsent = await self._replied(request)
            except ModelError:
                raise
            except Exception as error:  # whatever a provider's library raises: the unit fails with its words
                raise self._failed(error) from error
            usage = usage_of(message)
            self.meter.used(usage)
            return Reply(
                text=cut(spoken(message.text), unsent),
                usage=usage,
                data=data_of(message) if request.schema else None,
                tool_calls=tool_calls_of(message),
                line=message.response_metadata.get(LINE),
            )

    async def close(self) -> None:
        """Let go of the connections. The gateway may be used again and opens new ones then."""
        chat, self._chat = self._chat, None
        if chat is not None:
            await self.adapter.close(chat)

    async def _replied(self, request: ModelRequest) -> tuple[AIMessage, Sequence[str]]:
        """The reply of the first attempt that has one, and the stop strings that the server was not told of.

        A loop of our own: a library for it took 4 % of a whole run.
        """
        unsent: Sequence[str] = ()
        for number in range(1, TRIES):
            try:
                return await self._attempt(request), unsent
            except Exception as error:
                if not passing(error):
                    raise
                if isinstance(error, EmptyReplyError):
                    unsent = request.stop or unsent
                    # With the same seed the server would say nothing again, and a stop string may have ended the reply
                    # before it began.
                    request = replace(request, seed=request.seed + 1, stop=())
                wait = self._wait(number, error)
            self.meter.retries += 1
            await asyncio.sleep(wait)
        return await self._attempt(request), unsent

    async def _attempt(self, request: ModelRequest) -> AIMessage:
        if self._chat is None:
            self._chat = self.adapter.chat()
        # Waiting between the tries happens outside, so that it takes no place from other requests.
        limit_s = self.adapter.attempt_s
        async with self._in_flight, nullcontext() if limit_s is None else asyncio.timeout(limit_s):
            try:
                # Some servers keep a seed in 32 bits.
                message = await self.adapter.ask(self._chat, replace(request, seed=request.seed & 0x7FFFFFFF))
            except ValidationError as error:
                message = misread(error)
        called = message.tool_calls or message.invalid_tool_calls
        says_something = message.text.strip() or called or message.additional_kwargs.get("parsed")
        if not says_something:
            ended = message.response_metadata.get("finish_reason")
            reason = ": `max_tokens` were used up before it began, in reasoning" if ended == "length" else ""
            raise EmptyReplyError(f"the reply was empty{reason}")
        return message

    def _wait(self, number: int, error: Exception) -> float:
        """Seconds between the attempt `number`, counted from 1, which ended with `error`, and the next."""
        first, longest = self.wait_s
        wait: float = min(longest, first * 2 ** (number - 1)) * random.uniform(0.5, 1.0)
        return max(wait, min(retry_after(error), LONGEST_RETRY_AFTER_S))

    def _failed(self, error: Exception) -> ModelError:
        name = f"model `{self.label}`" + (f" at {self.adapter.where}" if self.adapter.where else "")
        fault = self.adapter.scrubbed(fault_of(error))
        if passing(error):
            kind = NoReplyError if isinstance(error, EmptyReplyError) else ModelError
            return kind(f"{name} gave no reply in {TRIES} tries; the last one: {fault}")
        return ModelError(f"{name} refused the request: {fault}")


def cut(text: str, stop: Sequence[str]) -> str:
    """`text` up to the first of the stop strings; all of it where one stands at the very beginning."""
    before = text
    for mark in stop:
        before = before.partition(mark)[0]
    return before if before.strip() else text


def usage_of(message: AIMessage) -> Usage:
    """The tokens that the server says it used."""
    said = message.usage_metadata
    return Usage(prompt_tokens=said["input_tokens"], completion_tokens=said["output_tokens"]) if said else Usage()


def data_of(message: AIMessage) -> Json:
    """The JSON value in a reply, also in a code block or with words around it; None if there is none."""
    from langchain_core.utils.json import parse_json_markdown

    parsed = message.additional_kwargs.get("parsed")
    if parsed is not None:
        return parsed
    text = spoken(message.text)
    start = min((at for mark in "{[" if (at := text.find(mark)) >= 0), default=-1)
    for candidate in (text, text[start : max(text.rfind("}"), text.rfind("]")) + 1] if start >= 0 else ""):
        try:
            return parse_json_markdown(candidate)
        except ValueError:
            continue
    return None
